/**
 * What a text for people says of recipients, and why. There are as many ways of writing it as there are systems; what they share: an
 * address stands at the start of a line, alone or with its reason behind, or in the one sentence that speaks of it, and the reason holds a
 * reply of SMTP or stands next to it.
 */
import type { ReadRecipient } from './reading.js'
import { MAX_RECIPIENTS } from './reading.js'
import { addressesIn, hostIn, line, replyIn, statusIn } from './words.js'

export type ProseRecipient = Omit<ReadRecipient, 'action'>

export interface ProseFacts {
  readonly lines: readonly string[]
  /** Addresses that are nobody's who failed: who is told, and who tells. */
  readonly not: ReadonlySet<string>
  /** To whom the returned message was written. */
  readonly written: ReadonlySet<string>
  /** Failed recipients by a field of the header (Exim, Google). */
  readonly named: readonly string[]
}

interface Mention {
  readonly address: string
  readonly at: number
  /** The line begins with it. */
  readonly leads: boolean
}

const MAX_MENTIONS = 500

/** Lines that name a sender, a link or an id, and never the one who failed. */
const NOT_ABOUT =
  /^\W{0,5}(?:mail from|from|sender|original sender|return-path|message-?id|in-reply-to|reply-to|references|subject|envelope sender|x-[\w-]+)\b\s?[:<]|https?:\/\/[^\s]{0,200}@|\bcontact\b|\bsupport\b.{0,40}@|send (?:a|an|the|your) (?:message|e?-?mail)|forward this|e-?mail us|\bfrom <?[^\s@]{1,64}@|MAIL FROM/i
const LEADS = /^[\s>*•"'<[(-]{0,12}(?:(?:rfc822;|e-?mail:|mailto:)\s{0,3})?$/i
const NEVER = /^(?:mailer-daemon|postmaster|abuse|mdaemon|no-?reply|noreply|support|helpdesk)@/i
const NOISE =
  /^[^\p{L}\p{N}]{0,6}(?:----|====|>>> |Sent >>>|while talking|The original message|Hi\.|I'm |This is|I'm afraid|Sorry it|Technical details|Diagnostic information|Final-|Action:|Arrival|Last-)/iu
const REASON =
  /(?:^|\W)(?:reason|because|error|cause|diagnostic\w*|problem|status|explanation|said|fehler|grund|原因|理由|エラー)\b.{0,60}[:：]|^\W{0,4}because|following reason/i

export function readProse(facts: ProseFacts): readonly ProseRecipient[] {
  const mentions = mentionsOf(facts)
  const chosen = choose(mentions, facts)
  if (chosen.length === 0) return fallback(facts)
  const starts = [...new Set(chosen.map(({ at }) => at))]
  return chosen.slice(0, MAX_RECIPIENTS).map(({ address, at, leads }) => {
    const end = starts.find(other => other > at) ?? facts.lines.length
    const own = reasonIn(facts.lines.slice(at, Math.min(end, at + 40)), address, leads)
    const why = own.rank === 3 || chosen.length > 8 ? own : better(own, reasonIn(facts.lines, address))
    return { address, ...why.words, from: 'text' }
  })
}

/** No address in the text: those of a field of the header, or the one the message was written to. */
function fallback({ named, written, lines, not }: ProseFacts): readonly ProseRecipient[] {
  const { words } = reasonIn(lines, '')
  const others = [...written].filter(address => !not.has(address))
  if (named.length > 0) return named.map(address => ({ address, ...words, from: 'header' }))
  const only = others.length === 0 ? [...written] : others
  return only.length === 1 ? [{ address: only[0]!, ...words, from: 'returned' }] : []
}

function mentionsOf({ lines, written }: ProseFacts): readonly Mention[] {
  const mentions: Mention[] = []
  for (const [at, one] of lines.entries()) {
    if (!one.includes('@') || NOT_ABOUT.test(one.slice(0, 300))) continue
    for (const [i, address] of addressesIn(one).entries()) {
      if (mentions.length >= MAX_MENTIONS) return mentions
      if (NEVER.test(address) && !written.has(address)) continue
      mentions.push({ address, at, leads: i === 0 && LEADS.test(one.slice(0, one.indexOf(address))) })
    }
  }
  return mentions
}

function choose(mentions: readonly Mention[], { not, written, named }: ProseFacts): readonly Mention[] {
  const key = (address: string) => address.toLowerCase()
  const inHeader = new Set(named.map(key))
  const known = new Set([...written, ...named].map(key))
  const others = mentions.filter(({ address }) => !not.has(key(address)))
  // Who wrote to themselves fails and is told.
  const selves = mentions.filter(({ address, leads }) => known.has(key(address)) || (leads && known.size === 0))
  const pool = others.length > 0 ? others : selves
  const ranked = [
    pool.filter(({ address, leads }) => leads && inHeader.has(key(address))),
    pool.filter(({ leads }) => leads),
    pool.filter(({ address }) => known.has(key(address))),
    pool,
  ].find(some => some.length > 0)
  const seen = new Set<string>()
  return (ranked ?? []).filter(({ address }) => {
    const before = seen.size
    return seen.add(key(address)).size > before
  })
}

interface Reason {
  readonly words: Pick<ReadRecipient, 'diagnostic' | 'code' | 'status' | 'remoteMta'>
  /** 3: there is a reply or a code in it; 2: it stands where reasons stand; 1: it is what else there is. */
  readonly rank: 1 | 2 | 3
}

function better(own: Reason, all: Reason): Reason {
  return all.rank > own.rank || own.words.diagnostic === undefined ? all : own
}

/**
 * The reason in some lines: a reply of SMTP before an enhanced code, before what stands at the address that `leads`, before a line that
 * names a reason, before any words.
 */
function reasonIn(lines: readonly string[], address: string, leads = false): Reason {
  const host = hostOf(lines)
  const remote = host === undefined ? {} : { remoteMta: host }
  const at = lines.findIndex(one => replyIn(one) !== undefined && !/^\W{0,4}354 /.test(one))
  if (at >= 0) {
    const { code, status, at: from } = replyIn(lines[at]!)!
    const said = paragraph(lines, at, from, code)
    const more = status ?? statusIn(said)
    const words = { diagnostic: line(said), ...(code === undefined ? {} : { code }) }
    return { words: { ...words, ...(more === undefined ? {} : { status: more }), ...remote }, rank: 3 }
  }
  const coded = lines.findIndex(one => statusIn(one) !== undefined)
  if (coded >= 0) {
    // a code at the end of a sentence may stand on its second line
    const begins = /^\W{0,6}\d/.test(lines[coded]!) || isNoise(lines[coded - 1] ?? '', address)
    const said = paragraph(lines, begins ? coded : coded - 1, 0)
    return {
      words: { diagnostic: line(withoutAddress(said, address)), status: statusIn(lines[coded]!)!, ...remote },
      rank: 3,
    }
  }
  const here = leads ? line(withoutAddress(paragraph(lines, 0, 0), address)) : ''
  if (/[\p{L}\p{N}]{3}/u.test(here)) return { words: { diagnostic: here, ...remote }, rank: 2 }
  const said = lines.flatMap((one, i) => (REASON.test(one.slice(0, 300)) ? [paragraph(lines, i, 0)] : []))[0]
  const plain =
    said ??
    lines
      .filter(one => !isNoise(one, address))
      .slice(0, 4)
      .join(' ')
  const text = line(withoutAddress(plain, address))
  const words = /[\p{L}\p{N}]/u.test(text) ? { diagnostic: text } : {}
  return { words: { ...words, ...remote }, rank: said === undefined ? 1 : 2 }
}

function hostOf(lines: readonly string[]): string | undefined {
  for (const one of lines.slice(0, 60)) {
    const host = hostIn(one)
    if (host !== undefined) return host
  }
  return undefined
}

/** From there to the end of the paragraph; of a reply, its further lines too. */
function paragraph(lines: readonly string[], at: number, from: number, code?: number): string {
  const said = [lines[at]!.slice(from)]
  // `Reason:` with the reason below
  if (/[:：]\s{0,3}$/.test(said[0]!) && (lines[at + 1] ?? '') === '') at += 1
  for (const next of lines.slice(at + 1, at + 12)) {
    if (next === '' || /^[^\p{L}\p{N}]{4,}/u.test(next.trim()) || /^\s{0,2}<[^>]{1,300}>:?/.test(next)) break
    const again = code === undefined ? undefined : replyIn(next)
    if (again?.code !== undefined && again.code !== code) break
    said.push(next)
  }
  return said.join(' ')
}

function isNoise(one: string, address: string): boolean {
  const bare = one.replace(address, '').replace(/[^\p{L}\p{N}]/gu, '')
  return bare === '' || NOISE.test(one)
}

function withoutAddress(text: string, address: string): string {
  const head = text.slice(0, 20 + address.length)
  if (address === '' || !head.includes(address)) return text
  const start = head.indexOf(address)
  // `Unknown user: name@host` is all one.
  if (/[\p{L}]{3}/u.test(head.slice(0, start))) return text
  return text.slice(start + address.length).replace(/^[\s:>"',;-]+/, '')
}
