/** `posthouse delivery classify`: what a reply of another server would mean to us, by which rule, and what would follow. */
import { type ClassedReply, CommandError, REPLY_CLASSES, REPLY_STAGES, type ReplyStage } from '../../../api/index.js'
import { filesIn } from '../../../config/files.js'
import { ReplyRules } from '../../../replies/replies.js'
import { formatDuration } from '../../../text/index.js'
import type { OwnCommand } from '../../command-base.js'

export function classifyCommand(): OwnCommand {
  return {
    name: 'delivery classify',
    summary: 'say what a reply of another server means, by the rules about replies',
    usage: "'REPLY'",
    arity: [1, 1],
    options: {
      host: { type: 'string', value: 'NAME', description: 'host that says it; some rules look at it' },
      stage: { type: 'string', value: 'STAGE', description: `when it is said: ${REPLY_STAGES.join(', ')}` },
    },
    more: [
      'The whole reply as one argument: "550 5.1.1 <x@example.net>: User unknown". Rules stand in rules/replies and replies.yaml.',
    ],
    async run(run) {
      const stage = stageOf(run.options.stage)
      const { host } = run.options
      const found = await new ReplyRules(filesIn(run.configDir)).classify({
        text: run.args[0]!,
        ...(typeof host === 'string' ? { remote: host } : {}),
        ...(stage === undefined ? {} : { stage }),
      })
      if (run.json) run.print(JSON.stringify(found, null, 2))
      else for (const line of linesOf(found)) run.print(line)
      return 0
    },
  }
}

function stageOf(text: string | boolean | undefined): ReplyStage | undefined {
  if (typeof text !== 'string') return undefined
  const stage = REPLY_STAGES.find(one => one === text)
  if (stage === undefined) throw new CommandError(`"${text}": expected one of ${REPLY_STAGES.join(', ')}`, 2)
  return stage
}

function linesOf({ class: meant, rule, says, place, general, action }: ClassedReply): readonly string[] {
  if (rule === undefined || place === undefined)
    return [`class   ${meant}`, 'rule    none: only its first digit counts']
  const { file, line, column } = place
  return [
    `class   ${meant}: ${REPLY_CLASSES[meant]}`,
    `rule    ${rule}: ${says}${general ? ' (by its code alone, no rule knows the words)' : ''}`,
    `where   ${file}:${line}:${column}`,
    `action  ${actionWords(action)}`,
  ]
}

export function actionWords(action: ClassedReply['action']): string {
  if (action === undefined) return 'none: its first digit says whether we try again'
  const { suspendMs, slowDown, treatAs, retryAfterMs } = action
  const words = [
    ...(suspendMs === undefined ? [] : [`suspend the destination for ${formatDuration(suspendMs)}`]),
    ...(slowDown === true ? ['slow down'] : []),
    ...(treatAs === undefined ? [] : [`treat as ${treatAs}`]),
    ...(retryAfterMs === undefined
      ? []
      : [`try the recipient again after ${formatDuration(retryAfterMs)} at the earliest`]),
  ]
  return words.join(', ')
}
