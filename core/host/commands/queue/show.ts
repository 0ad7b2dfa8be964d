/** `posthouse queue show ID`: one message in full, with its history in sentences. */
import { CommandError, type QueuedMessage, type QueueRow, type Store, type TrailEntry } from '../../../api/index.js'
import { addressKey, formatSize, printable, sumChunks } from '../../../text/index.js'
import type { CliParts, OwnCommand, OwnRun } from '../../command-base.js'
import { withQueue } from './common.js'
import { many, senderText, spanOf, stateOf, timeOf } from './words.js'

export function queueShowCommand(parts: CliParts): OwnCommand {
  return {
    name: 'queue show',
    summary: 'tell everything of one message: recipients, attempts, history; also of one that has left the queue',
    usage: 'ID',
    arity: [1, 1],
    options: {
      body: { type: 'boolean', description: 'print the message itself, as its first recipient would get it' },
    },
    run: run =>
      withQueue(run, parts, async ({ store }) => {
        const id = run.args[0]!
        const message = await store.queue.get(id)
        const trail = await store.trail.of(id)
        if (message === undefined && trail.length === 0) throw new CommandError(`nothing is known of ${printable(id)}`)
        if (run.options.body === true) return printBody(run, store, message)
        if (run.json) run.print(JSON.stringify({ id, queued: message ?? null, trail }, null, 2))
        else for (const line of told(id, message, trail, Date.now())) run.print(line)
        return 0
      }),
  }
}

async function printBody(run: OwnRun, store: Store, message: QueuedMessage | undefined): Promise<number> {
  if (message === undefined) throw new CommandError('it has left the queue, and its text with it')
  const { bodyId, bodySize, cuts, rows } = message
  const sum = { prefix: Buffer.from(rows[0]?.prefix ?? ''), bodySize, cuts }
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of sumChunks(sum, (from, to) => store.blobs.read(bodyId, from, to))) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\r\n')
    rest = lines.pop() ?? ''
    for (const line of lines) run.print(line)
  }
  if (rest !== '') run.print(rest)
  return 0
}

function told(
  id: string,
  message: QueuedMessage | undefined,
  trail: readonly TrailEntry[],
  now: number,
): readonly string[] {
  const head =
    message === undefined
      ? [`${id} is not in the queue any more`]
      : [...facts(message, now), '', ...waiting(message, now)]
  if (trail.length === 0) return head
  return [...head, '', 'History', ...trail.map(({ at, says }) => `  ${timeOf(at)}  ${printable(says, 2000)}`)]
}

function facts(message: QueuedMessage, now: number): readonly string[] {
  const { origin, received, bodySize, deliverBy, holdUntil, priority, requireTls } = message
  const lines = [
    `${message.id}  ${formatSize(bodySize)}, received ${timeOf(received)} (${spanOf(now - received)} ago)`,
    `  from       ${senderText(message)}`,
    ...fact('subject', origin.subject),
    ...fact('message-id', origin.messageId),
    `  came       ${came(origin)}`,
    ...fact('envid', message.envid),
  ]
  if (holdUntil !== undefined && holdUntil > now) lines.push(`  not before ${timeOf(holdUntil)}, as its sender wishes`)
  if (deliverBy !== undefined)
    lines.push(
      `  until      ${timeOf(deliverBy.at)}, then it ${deliverBy.mode === 'return' ? 'goes back' : 'is told to be late'}`,
    )
  if (priority !== undefined && priority !== 0) lines.push(`  priority   ${priority}`)
  if (requireTls === true) lines.push('  security   only by TLS, to hosts that are known for sure')
  return lines
}

function fact(name: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [`  ${name.padEnd(10)} ${printable(value, 300)}`]
}

function came(origin: QueuedMessage['origin']): string {
  if (origin.reason !== undefined) return `written here: ${printable(origin.reason)}`
  const login = origin.login === undefined ? '' : `, logged in as ${printable(origin.login)}`
  const helo = origin.helo === undefined ? '' : ` (${printable(origin.helo)})`
  return `by ${printable(origin.listener ?? 'unknown')} from ${printable(origin.remote ?? 'unknown')}${helo}${login}`
}

function waiting({ rows }: QueuedMessage, now: number): readonly string[] {
  return [many(rows.length, 'recipient'), ...rows.flatMap(row => recipient(row, now))]
}

function recipient(row: QueueRow, now: number): readonly string[] {
  const to = printable(addressKey(row.to))
  const named =
    addressKey(row.original) === addressKey(row.to) ? '' : `, named as ${printable(addressKey(row.original))}`
  const lines = [
    `  ${to}${named}, by ${row.target} to ${printable(row.lane)}`,
    `    ${stateOf(row, now)}${timesOf(row, now)}`,
  ]
  if (row.last !== undefined) {
    const { at, status, text, remote } = row.last
    const host = remote === undefined ? '' : ` by ${printable(remote)}`
    lines.push(
      `    ${many(row.tries, 'try', 'tries')}, the last at ${timeOf(at)}${host}: ${printable(`${status} ${text}`, 1000)}`,
    )
  }
  if (row.wait !== undefined) {
    const { since, status, text } = row.wait
    lines.push(`    waits since ${timeOf(since)}: ${printable(`${status} ${text}`, 1000)}`)
  }
  if (row.quarantine !== undefined) lines.push(`    quarantined: ${printable(row.quarantine)}`)
  return lines
}

function timesOf(row: QueueRow, now: number): string {
  if (row.hold !== undefined || row.verdict !== undefined) return ''
  const next = row.due > now && !row.leased ? ` (at ${timeOf(row.due)})` : ''
  return `${next}; given up at ${timeOf(row.expires)}`
}
