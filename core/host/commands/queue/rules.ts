/** `posthouse queue rule …`: hold rules for new mail, kept in the store and seen by a running server at once. */
import { CommandError, type QueueCondition } from '../../../api/index.js'
import { newId, printable } from '../../../text/index.js'
import type { CliParts, OwnCommand } from '../../command-base.js'
import { withQueue } from './common.js'
import { fieldLines, readFilter } from './filter.js'
import { conditionText, timeOf } from './words.js'

export function queueRuleCommands(parts: CliParts): readonly OwnCommand[] {
  return [
    {
      name: 'queue rule ls',
      summary: 'list the rules that hold new mail',
      arity: [0, 0],
      run: run =>
        withQueue(run, parts, async ({ queue }) => {
          const rules = await queue.holdRules()
          if (run.json) run.print(JSON.stringify(rules, null, 2))
          else if (rules.length === 0) run.print('no rule holds new mail')
          else
            for (const { id, created, reason, where } of rules)
              run.print(`${id}  since ${timeOf(created)}  ${printable(reason)}  ${wordsOf(where)}`)
          return 0
        }),
    },
    {
      name: 'queue rule add',
      summary: 'hold new mail that fits, until it is released',
      usage: 'FILTER…',
      arity: [1, 100],
      options: {
        reason: { type: 'string', value: 'TEXT', description: 'shown wherever held mail is listed; default: the rule' },
      },
      more: ['A filter is words that must all fit:', '', ...fieldLines()],
      run: run => {
        const { ids, where } = readFilter(run.args)
        if (ids.length > 0)
          throw new CommandError('a rule is for new mail, which has no id yet: queue hold ID holds what is there', 2)
        return withQueue(run, parts, async ({ queue }) => {
          const now = Date.now()
          const id = newId(now)
          const reason =
            typeof run.options.reason === 'string' ? printable(run.options.reason, 500) : `rule: ${wordsOf(where)}`
          await queue.addHoldRule({ id, where, reason, created: now })
          run.print(
            run.json ? JSON.stringify({ id, where, reason }) : `rule ${id} holds new mail with ${wordsOf(where)}`,
          )
          return 0
        })
      },
    },
    {
      name: 'queue rule rm',
      summary: 'take rules away; what they have held stays held',
      usage: 'ID…',
      arity: [1, 100],
      run: run =>
        withQueue(run, parts, async ({ queue }) => {
          const gone = await Promise.all(run.args.map(id => queue.removeHoldRule(id)))
          const missing = run.args.filter((_, at) => !gone[at])
          if (run.json) run.print(JSON.stringify({ removed: run.args.length - missing.length, missing }))
          else
            for (const [at, id] of run.args.entries())
              run.print(gone[at] ? `rule ${id} is gone` : `there is no rule ${printable(id)}`)
          return missing.length === 0 ? 0 : 1
        }),
    },
  ]
}

function wordsOf(where: readonly QueueCondition[]): string {
  return where.map(conditionText).join(' ')
}
