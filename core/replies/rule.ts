/**
 * One rule about replies, and whether it fits. Pure. Phrases are looked for one after the other from left to right, so that a reply made
 * to be slow cannot be: the work is bounded by its length (which is capped) times that of the rules.
 */
import type { ReplyAction, ReplyClass, ReplyFacts, ReplyStage } from '../api/index.js'

export interface ReplyRule {
  readonly name: string
  readonly class: ReplyClass
  readonly says: string
  readonly code?: readonly string[]
  readonly status?: readonly string[]
  readonly host?: readonly string[]
  readonly stage?: ReadonlySet<ReplyStage>
  readonly text?: readonly Phrase[]
  readonly notText?: readonly Phrase[]
  readonly action?: ReplyAction
  readonly general: boolean
  readonly place: { readonly file: string; readonly line: number; readonly column: number }
}

/** What stands between the `*` of a phrase: all of it, in this order. */
export type Phrase = readonly string[]

/** A reply, taken apart once for all rules. */
export interface ReadReply {
  readonly code: string
  readonly status: string
  readonly host: string
  readonly stage: ReplyStage | undefined
  /** Lower case, one space between words, one at either end, addresses as `<>`. */
  readonly text: string
}

/** Longer replies are known by their beginning. */
const MAX_TEXT = 2000
const OPENING = /^\s*([2-5]\d\d)(?:[ -]|$)\s*(?:([245]\.\d{1,3}\.\d{1,3})(?=\s|$))?/
const OWN_STATUS = /^\s*#?([245]\.\d{1,3}\.\d{1,3})(?=\s|$)/
/** Words of an address are nobody's verdict: `<spam-blocked@example.org>`. */
const ADDRESS = /<?[^\s<>@"'()]{1,128}@[^\s<>@"'(),;]{1,255}>?/g
const HOST = /^[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}\.?$/

export function readReply(facts: ReplyFacts): ReadReply {
  const raw = facts.text.slice(0, MAX_TEXT)
  const opening = OPENING.exec(raw)
  const code = facts.code === undefined ? (opening?.[1] ?? '') : String(facts.code)
  const status = facts.status ?? opening?.[2] ?? OWN_STATUS.exec(raw)?.[1] ?? ''
  const said = words(raw, code, status)
  // `421 antispam2.example.net too busy`: its own name is no verdict, but tells who speaks.
  const [first = ''] = said
  const named = HOST.test(first)
  return {
    code,
    status,
    host: hostOf(facts.remote ?? (named ? first : '')),
    stage: facts.stage,
    text: ` ${(named ? said.slice(1) : said).join(' ')} `,
  }
}

/** `mx1.example.net [192.0.2.1]:25` */
function hostOf(remote: string): string {
  const end = remote.search(/[\s[:]/)
  return (end < 0 ? remote : remote.slice(0, end)).toLowerCase().replace(/\.$/, '')
}

/** Codes that each line of a reply repeats are taken out, so that a phrase may go over two lines. */
function words(raw: string, code: string, status: string): readonly string[] {
  const kept: string[] = []
  for (const word of raw.toLowerCase().replace(ADDRESS, '<>').split(/\s+/)) {
    const bare = code !== '' && word.startsWith(`${code}-`) ? word.slice(code.length + 1) : word
    if (bare !== '' && bare !== code && bare !== status) kept.push(bare)
  }
  return kept
}

export function phraseOf(text: string): Phrase {
  return text
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .replace(/ ?\* ?/g, '*')
    .split('*')
    .filter(part => part !== '')
}

export function fits(rule: ReplyRule, reply: ReadReply): boolean {
  return (
    (rule.stage === undefined || (reply.stage !== undefined && rule.stage.has(reply.stage))) &&
    (rule.code === undefined || rule.code.some(wish => codeFits(wish, reply.code))) &&
    (rule.status === undefined || rule.status.some(wish => statusFits(wish, reply.status))) &&
    (rule.host === undefined || rule.host.some(wish => hostFits(wish, reply.host))) &&
    (rule.text === undefined || rule.text.some(phrase => holds(reply.text, phrase))) &&
    !(rule.notText ?? []).some(phrase => holds(reply.text, phrase))
  )
}

/** `4xx`, `45x`, `450` */
function codeFits(wish: string, code: string): boolean {
  return code.length === 3 && [...wish].every((digit, i) => digit === 'x' || digit === code[i])
}

/** `*.1.1` */
function statusFits(wish: string, status: string): boolean {
  const have = status.split('.')
  return have.length === 3 && wish.split('.').every((part, i) => part === '*' || part === have[i])
}

function hostFits(wish: string, host: string): boolean {
  return wish.startsWith('*.') ? host.endsWith(wish.slice(1)) : host === wish
}

/** From left to right, each part at its first place after the one before: if it fits at all, it fits so. */
function holds(text: string, phrase: Phrase): boolean {
  let at = 0
  for (const part of phrase) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return true
}
