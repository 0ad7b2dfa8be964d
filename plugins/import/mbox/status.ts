/**
 * Fields in which servers keep flags and UIDs in an mbox file: they say something of the file and are not the sender's, so they are read and
 * taken out. Written from what Dovecot 2.3 leaves on the disk; other programs have most of them in common.
 */
import { isUid } from 'posthouse/api'

export interface MboxStatus {
  readonly flags: readonly string[]
  readonly uid?: number
  /** Of the whole file; stands in its first message. */
  readonly base?: { readonly uidValidity: number; readonly lastUid: number }
  /** Not a message, but where a server keeps what it knows of the file. */
  readonly internal: boolean
  /** As POP3 servers of the past kept it. */
  readonly uniqueId?: string
  /** Of the body, as somebody has written it. */
  readonly length?: number
  /** It is a file of Dovecot's, which makes UIDLs itself and leaves `X-UIDL` of senders alone. */
  readonly dovecots: boolean
  /** Octets [from, to) of the field that `uniqueId` is in. */
  readonly uniqueIdCut?: readonly [from: number, to: number]
  /** Octets [from, to) of whole fields to be taken out. */
  readonly cuts: readonly (readonly [from: number, to: number])[]
}

const HIDDEN = new Set([
  'status',
  'x-status',
  'x-keywords',
  'x-uid',
  'x-imapbase',
  'x-imap',
  'x-uidl',
  'content-length',
])
const LETTERS: ReadonlyMap<string, string> = new Map([
  ['R', '\\Seen'],
  ['A', '\\Answered'],
  ['F', '\\Flagged'],
  ['T', '\\Draft'],
  ['D', '\\Deleted'],
])

/** `head` ends with the header or is its beginning. */
export function readStatus(head: Buffer): MboxStatus {
  const values = new Map<string, string>()
  const cuts: (readonly [number, number])[] = []
  let uniqueIdCut: readonly [number, number] | undefined
  for (const { name, value, from, to } of fieldsOf(head.toString('latin1'))) {
    if (!HIDDEN.has(name)) continue
    cuts.push([from, to])
    if (name === 'x-uidl' && uniqueIdCut === undefined) uniqueIdCut = [from, to]
    if (!values.has(name)) values.set(name, value)
  }
  const letters = [...(values.get('status') ?? ''), ...(values.get('x-status') ?? '')]
  const keywords = (values.get('x-keywords') ?? '').split(/\s+/).filter(Boolean)
  const length = values.get('content-length') ?? ''
  const uid = Number(values.get('x-uid'))
  const [validity, lastUid] = (values.get('x-imapbase') ?? values.get('x-imap') ?? '').split(/\s+/, 2).map(Number)
  const base = validity !== undefined && isUid(validity) && isUid((lastUid ?? 0) + 1)
  return {
    flags: [...letters.flatMap(letter => LETTERS.get(letter) ?? []), ...keywords],
    ...(isUid(uid) && { uid }),
    ...(base && { base: { uidValidity: validity, lastUid: lastUid! } }),
    dovecots: base && values.has('x-imapbase'),
    internal: values.has('x-imap') && /FOLDER INTERNAL DATA/i.test(head.toString('latin1')),
    ...(uniqueIdCut && { uniqueId: values.get('x-uidl')!, uniqueIdCut }),
    ...(/^\d{1,15}$/.test(length) && { length: Number(length) }),
    cuts,
  }
}

function* fieldsOf(head: string) {
  for (let from = 0; from < head.length; ) {
    let to = from
    do {
      const lf = head.indexOf('\n', to)
      to = lf < 0 ? head.length : lf + 1
    } while (to < head.length && (head[to] === ' ' || head[to] === '\t'))
    const text = head.slice(from, to)
    const colon = text.indexOf(':')
    if (/^\r?\n/.test(text)) return
    if (colon > 0)
      yield { name: text.slice(0, colon).trimEnd().toLowerCase(), value: text.slice(colon + 1).trim(), from, to }
    from = to
  }
}
