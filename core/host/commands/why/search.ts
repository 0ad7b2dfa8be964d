/** What `posthouse why` is asked for: an id, a mail in a file, or words and options that a record must fit. Nothing is looked up here. */
import { existsSync } from 'node:fs'
import { isIP } from 'node:net'
import { CommandError, type CommandRun, readMailFile, type TrailQuery } from '../../../api/index.js'
import { formatDuration, idTime, parseDuration, printable, queueIdsBy, scanHeader } from '../../../text/index.js'
import { timeOf } from '../queue/words.js'

export type Search =
  | { readonly kind: 'id'; readonly id: string }
  /** The ids of our Received fields, the last hop first; the Message-ID for when none of them is known. */
  | { readonly kind: 'mail'; readonly ids: readonly string[]; readonly messageId?: string; readonly path: string }
  /** The first that finds something. */
  | { readonly kind: 'queries'; readonly queries: readonly TrailQuery[] }

const DEFAULT_LIMIT = 20
const MAX_LIMIT = 10_000
const DAY = /^\d{4}-\d\d-\d\d$/
const MINUTE = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?$/

export async function readSearch(
  run: Pick<CommandRun, 'args' | 'options'>,
  host: string,
  now: number,
): Promise<Search> {
  const options = readOptions(run.options, now)
  const word = run.args[0]
  if (word === undefined) {
    if (Object.keys(options).length <= 1)
      throw new CommandError('expected an id, a file, a Message-ID, an address, or at least one of the options', 2)
    return { kind: 'queries', queries: [options] }
  }
  // As it stands in replies: `… [1kdvdna00bfbppf3.1]`.
  const id = word.replace(/^\[|\]$/g, '')
  if (idTime(id) !== undefined) return { kind: 'id', id }
  if (existsSync(word)) return readMail(word, host)
  return { kind: 'queries', queries: queriesOf(word).map(query => ({ ...options, ...query })) }
}

/** Pure: what a word may mean that is neither id nor file. */
export function queriesOf(word: string): readonly TrailQuery[] {
  if (isIP(word) !== 0) return [{ client: word }]
  if (word.startsWith('<')) return [{ messageId: word }]
  if (word.startsWith('@')) return [{ address: word }]
  // Both look the same; of a Message-ID there is hardly more than one.
  if (word.includes('@')) return [{ messageId: word }, { address: word }]
  throw new CommandError(`${printable(word)} is no id, no file that is there, no Message-ID and no address`, 2)
}

async function readMail(path: string, host: string): Promise<Search> {
  const { fields } = scanHeader(await readMailFile(path))
  const named = (name: string) => fields.filter(field => field.name.toLowerCase() === name).map(({ raw }) => raw)
  const messageId = named('message-id')[0]?.trim()
  const ids = queueIdsBy(host, named('received'))
  if (ids.length === 0 && messageId === undefined)
    throw new CommandError(`${path} has neither a Received field of ${host} nor a Message-ID`)
  return { kind: 'mail', ids, path, ...(messageId === undefined ? {} : { messageId }) }
}

function readOptions(options: CommandRun['options'], now: number): TrailQuery & { readonly limit: number } {
  const given = (name: string) => (typeof options[name] === 'string' ? options[name] : undefined)
  const [messageId, sender, recipient] = [given('message-id'), given('from'), given('to')]
  const [address, client] = [given('address'), given('client')]
  const [since, until] = [given('since'), given('until')]
  if (client !== undefined && isIP(client.split('/')[0]!) === 0)
    throw new CommandError(`--client: expected an IP address, got ${printable(client)}`, 2)
  return {
    limit: limitOf(given('limit')),
    ...(messageId === undefined ? {} : { messageId }),
    ...(sender === undefined ? {} : { sender: addressOf(sender) }),
    ...(recipient === undefined ? {} : { recipient: addressOf(recipient) }),
    ...(address === undefined ? {} : { address: addressOf(address) }),
    ...(client === undefined ? {} : { client }),
    ...(since === undefined ? {} : { since: momentOf('since', since, now) }),
    ...(until === undefined ? {} : { until: momentOf('until', until, now) }),
  }
}

/** `example.org` and `*@example.org`: anybody of that domain. */
function addressOf(text: string): string {
  const bare = text.replace(/^<|>$/g, '').replace(/^\*@/, '@')
  return bare.includes('@') ? bare : `@${bare}`
}

function limitOf(text: string | undefined): number {
  const limit = text === undefined ? DEFAULT_LIMIT : Number(text)
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new CommandError(`--limit: expected a number from 1 to ${MAX_LIMIT}, got ${printable(String(text))}`, 2)
  return limit
}

/** A duration is counted back from now; a day without a time begins at midnight here. */
export function momentOf(option: string, text: string, now: number): number {
  const ago = parseDuration(text)
  if (ago !== undefined) return now - ago
  const at = DAY.test(text) ? Date.parse(`${text}T00:00`) : MINUTE.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at))
    throw new CommandError(
      `--${option}: expected a duration as 2h or 3d, or a time as 2030-01-31 or 2030-01-31T12:00, got ${printable(text)}`,
      2,
    )
  return at
}

/** In words, for when nothing was found. */
export function searchedFor(search: Search): string {
  switch (search.kind) {
    case 'id':
      return search.id
    case 'mail': {
      const ids = search.ids.length === 0 ? [] : [`the ids ${search.ids.join(', ')} of our Received fields`]
      const messageId = search.messageId === undefined ? [] : [`the Message-ID ${printable(search.messageId)}`]
      return `${[...ids, ...messageId].join(' and ')} of ${search.path}`
    }
    case 'queries':
      return search.queries.map(inWords).join(', or ')
  }
}

function inWords({ messageId, sender, recipient, address, client, since, until }: TrailQuery): string {
  const parts = [
    ...(messageId === undefined ? [] : [`the Message-ID ${printable(messageId)}`]),
    ...(sender === undefined ? [] : [`the sender ${printable(sender)}`]),
    ...(recipient === undefined ? [] : [`the recipient ${printable(recipient)}`]),
    ...(address === undefined ? [] : [`the address ${printable(address)} as sender or recipient`]),
    ...(client === undefined ? [] : [`the client ${client}`]),
    ...(since === undefined ? [] : [`since ${timeOf(since)}`]),
    ...(until === undefined ? [] : [`until ${timeOf(until)}`]),
  ]
  return parts.join(', ')
}

/** How far back the trail goes, as a sentence. */
export function keptFor({ keepMs, maxBytes, oldest }: { keepMs?: number; maxBytes?: number; oldest?: number }): string {
  const time = keepMs === undefined ? '' : ` for ${formatDuration(keepMs)}`
  const size = maxBytes === undefined ? '' : `${time === '' ? '' : ','} up to ${Math.round(maxBytes / 1024 ** 2)} MB`
  const first = oldest === undefined ? 'there is none' : `the oldest is of ${timeOf(oldest)}`
  return `Records are kept${time}${size}; ${first}.`
}
