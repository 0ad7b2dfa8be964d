/**
 * Mail in mbox files: one for INBOX, and a folder in which every file is a mailbox. A message has no name there, so a digest of it is its name.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { isUniqueId } from 'posthouse/api'
import { chunksOf, isFile, isFolder, linesOf, namesIn } from '../files.js'
import type { Foreign, ForeignMail, ForeignMailbox } from '../foreign.js'
import { nameHere } from '../names.js'
import { DOVECOT_UIDL, type UidlOf, uidlFormat } from '../uidl.js'
import { type MboxPiece, MboxSplitter } from './splitter.js'
import { type MboxStatus, readStatus } from './status.js'

export interface MboxOptions {
  /** The file that is INBOX, beside the folder. */
  readonly inbox?: string | undefined
  readonly uidl?: UidlOf | undefined
  readonly withoutUidl?: boolean
  /** `X-UIDL` counts in files of Dovecot's too (`pop3_reuse_xuidl`). */
  readonly fieldUidl?: boolean
}

/** A header that is longer has its flags elsewhere, if any. */
const MOST_HEAD = 1024 * 1024
const MOST_DEPTH = 32
/** An empty line. */
const MOST_BETWEEN = 2
const HEAD_END = /\r?\n\r?\n/

/** `undefined` when it is neither file nor folder. */
export async function readMbox(path: string, options: MboxOptions): Promise<Foreign | undefined> {
  const warnings: string[] = []
  const root = join(path, '.')
  if (await isFolder(root)) return { mailboxes: mailboxesIn(root, options, warnings), warnings }
  if (!(await isFile(path))) return undefined
  return { mailboxes: mailboxesIn(undefined, { ...options, inbox: path }, warnings), warnings }
}

async function* mailboxesIn(
  root: string | undefined,
  options: MboxOptions,
  warnings: string[],
): AsyncGenerator<ForeignMailbox> {
  if (options.inbox !== undefined) yield await readFile(options.inbox, 'INBOX', true, options)
  if (root === undefined) return
  const subscribed = new Set<string>()
  for await (const line of linesOf(join(root, '.subscriptions'))) subscribed.add(line.replaceAll('\t', '/'))
  for await (const levels of filesIn(root, [])) {
    const name = nameHere(levels)
    const path = join(root, ...levels)
    const isInbox = name === 'INBOX'
    if (name === undefined) warnings.push(`${path}: no mailbox can be called so; passed over`)
    else if (isInbox && options.inbox !== undefined) warnings.push(`${path}: ${options.inbox} is INBOX; passed over`)
    else if (!(await looksLikeMbox(path))) warnings.push(`${path}: no mbox file; passed over`)
    else
      yield await readFile(
        path,
        name,
        isInbox || subscribed.has(levels.join('/')),
        isInbox ? options : { withoutUidl: true },
      )
  }
}

async function* filesIn(folder: string, levels: readonly string[]): AsyncGenerator<readonly string[]> {
  for (const name of await namesIn(folder)) {
    const path = join(folder, name)
    if (name.startsWith('.') || levels.length >= MOST_DEPTH) continue
    if (await isFile(path)) yield [...levels, name]
    else yield* filesIn(path, [...levels, name])
  }
}

/** An empty file is an empty mailbox. */
async function looksLikeMbox(path: string): Promise<boolean> {
  for await (const chunk of chunksOf(path, 0, 5)) return chunk.toString('latin1') === 'From '
  return true
}

async function readFile(
  path: string,
  name: string,
  subscribed: boolean,
  { uidl, withoutUidl = false, fieldUidl = false }: MboxOptions,
): Promise<ForeignMailbox> {
  const pieces = await piecesOf(path)
  const messages: ForeignMail[] = []
  const seen = new Map<string, number>()
  let base: MboxStatus['base']
  let fieldCounts = true
  for (let at = 0; at < pieces.length; at++) {
    const head = await headOf(path, pieces[at]!)
    const status = readStatus(head)
    const last =
      status.length === undefined ? at : lastWithin(pieces, at, pieces[at]!.start + head.length + status.length)
    const piece = { ...pieces[at]!, end: pieces[last]!.end }
    if (at === 0) {
      base = status.base
      fieldCounts = fieldUidl || !status.dovecots
    }
    at = last
    if (status.internal) continue
    const uid = base === undefined ? undefined : status.uid
    const uidValidity = base?.uidValidity
    const format = uidl ?? (base === undefined ? undefined : uidlFormat(DOVECOT_UIDL))
    const facts = { ...(uid !== undefined && { uid }), ...(uidValidity !== undefined && { uidValidity }) }
    const field = fieldCounts ? status.uniqueId : undefined
    const kept = field !== undefined && isUniqueId(field) ? field : format?.(facts)
    // What the sender wrote stays.
    const cuts = fieldCounts ? status.cuts : status.cuts.filter(([from]) => from !== status.uniqueIdCut?.[0])
    const chunks = () => withoutFields(path, piece, cuts)
    messages.push({
      source: await sourceOf(withoutFields(path, piece, status.cuts), piece, seen),
      place: `${path}, octet ${piece.from}`,
      flags: status.flags,
      date: piece.date,
      ...(uid !== undefined && { uid }),
      ...(!withoutUidl && kept !== undefined && { uniqueId: kept }),
      chunks,
    })
  }
  const numbers = base === undefined ? {} : { uidValidity: base.uidValidity, uidNext: base.lastUid + 1 }
  return { name, place: path, subscribed, ...numbers, messages: ascending(messages) }
}

async function piecesOf(path: string): Promise<readonly MboxPiece[]> {
  const splitter = new MboxSplitter()
  const pieces: MboxPiece[] = []
  for await (const chunk of chunksOf(path)) for (const piece of splitter.push(chunk)) pieces.push(piece)
  pieces.push(...splitter.end())
  return pieces
}

/**
 * Dovecot and others write how long the body is, and do not quote lines in it that look like the beginning of a message. That is believed when a
 * message, or the end of the file, really follows there.
 */
function lastWithin(pieces: readonly MboxPiece[], first: number, end: number): number {
  let at = first
  while (at + 1 < pieces.length && pieces[at + 1]!.from < end) at++
  const next = pieces[at + 1]?.from
  const follows = next === undefined ? Math.abs(pieces[at]!.end - end) <= MOST_BETWEEN : next - end <= MOST_BETWEEN
  return follows ? at : first
}

async function headOf(path: string, { start, end }: MboxPiece): Promise<Buffer> {
  const chunks: Buffer[] = []
  let read = 0
  for await (const chunk of chunksOf(path, start, Math.min(end, start + MOST_HEAD))) {
    chunks.push(chunk)
    read += chunk.length
    const text = Buffer.concat(chunks).toString('latin1')
    const found = HEAD_END.exec(text)
    if (found !== null) return Buffer.from(text.slice(0, found.index + found[0].length), 'latin1')
  }
  // Without an end it may be all body.
  return read < MOST_HEAD ? Buffer.concat(chunks) : Buffer.alloc(0)
}

async function* withoutFields(
  path: string,
  { start, end }: MboxPiece,
  cuts: MboxStatus['cuts'],
): AsyncGenerator<Buffer> {
  let from = start
  for (const [cutFrom, cutTo] of cuts) {
    yield* chunksOf(path, from, start + cutFrom)
    from = start + cutTo
  }
  yield* chunksOf(path, from, end)
}

/** The same mail may lie there twice. */
async function sourceOf(
  chunks: AsyncIterable<Buffer>,
  { date }: MboxPiece,
  seen: Map<string, number>,
): Promise<string> {
  const hash = createHash('sha256').update(`${date}\n`)
  for await (const chunk of chunks) hash.update(chunk)
  const digest = hash.digest('base64url')
  const times = (seen.get(digest) ?? 0) + 1
  seen.set(digest, times)
  return times === 1 ? digest : `${digest} ${times}`
}

/** UIDs that do not grow are none: the file was put together by something else. */
function ascending(messages: readonly ForeignMail[]): readonly ForeignMail[] {
  let last = 0
  return messages.map(message => {
    const { uid, ...rest } = message
    if (uid === undefined || uid <= last) return rest
    last = uid
    return message
  })
}
