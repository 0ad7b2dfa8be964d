/** `posthouse queue audit` and `queue broken`: whether anybody is forgotten, and what could not be read. */
import { printable } from '../../../text/index.js'
import type { CliParts, OwnCommand } from '../../command-base.js'
import { withQueue } from './common.js'
import { many, spanOf, timeOf } from './words.js'

export function queueAuditCommand(parts: CliParts): OwnCommand {
  return {
    name: 'queue audit',
    summary: 'look at every recipient: has each a next attempt, a lease or a hold?',
    arity: [0, 0],
    run: run =>
      withQueue(run, parts, async ({ queue }) => {
        const now = Date.now()
        const audit = await queue.audit(now)
        if (run.json) run.print(JSON.stringify(audit, null, 2))
        else {
          run.print(
            `${many(audit.rows, 'recipient')}, ${audit.adrift === 0 ? 'none is forgotten' : `${audit.adrift} FORGOTTEN`}`,
          )
          if (audit.oldestDue !== undefined)
            run.print(`the one that waits longest is due since ${spanOf(now - audit.oldestDue)}`)
          if (audit.broken > 0) run.print(`${many(audit.broken, 'entry', 'entries')} could not be read: queue broken`)
        }
        return audit.adrift === 0 ? 0 : 1
      }),
  }
}

export function queueBrokenCommand(parts: CliParts): OwnCommand {
  return {
    name: 'queue broken',
    summary: 'list what could not be read and was put aside',
    arity: [0, 0],
    run: run =>
      withQueue(run, parts, async ({ queue }) => {
        const broken = await queue.broken()
        if (run.json) run.print(JSON.stringify(broken, null, 2))
        else if (broken.length === 0) run.print('everything could be read')
        else
          for (const { id, row, at, why } of broken)
            run.print(
              `${timeOf(at)}  ${printable(id)}${row === undefined ? '' : ` recipient ${row}`}  ${printable(why, 500)}`,
            )
        return 0
      }),
  }
}
