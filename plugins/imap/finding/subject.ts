/**
 * The base subject (RFC 5256 §2.1): what a subject is without the marks of replies and forwards. The steps are those of the RFC, over a
 * subject that is already decoded and bounded.
 */
export interface BaseSubject {
  readonly base: string
  /** RFC 5256 §3: a mark of a reply or a forward was taken away. */
  readonly reply: boolean
}

const LONGEST = 2000
const TRAILER = /(?:\(fwd\)|[ \t])$/i
// subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"; subj-blob = "[" *BLOBCHAR "]" *WSP
const REFWD = /^(?:re|fwd?)[ \t]*(?:\[[^[\]]*\][ \t]*)?:/i
const BLOB = /^\[[^[\]]*\][ \t]*/
const FORWARD = /^\[fwd:(.*)\]$/is

/** `subject` is decoded. */
export function baseSubject(subject: string): BaseSubject {
  // RFC 5256 §2.1 (1)
  let text = subject.slice(0, LONGEST).replace(/[ \t\r\n]+/g, ' ')
  let reply = false
  for (;;) {
    const trimmed = withoutTrailers(text)
    const led = withoutLeaders(trimmed.text)
    reply ||= trimmed.reply || led.reply
    const inner = FORWARD.exec(led.text)?.[1]
    if (inner === undefined) return { base: led.text, reply }
    // (6)
    reply = true
    text = inner
  }
}

/** (2) */
function withoutTrailers(text: string): { text: string; reply: boolean } {
  let reply = false
  let end = text.length
  for (;;) {
    const found = TRAILER.exec(text.slice(Math.max(0, end - 5), end))
    if (found === null) return { text: text.slice(0, end), reply }
    if (found[0].length > 1) reply = true
    end -= found[0].length
  }
}

/** (3) to (5) */
function withoutLeaders(text: string): { text: string; reply: boolean } {
  let reply = false
  let rest = text
  for (;;) {
    const leader = leaderOf(rest)
    if (leader > 0) {
      reply ||= rest[0] !== ' ' && rest[0] !== '\t'
      rest = rest.slice(leader)
      continue
    }
    const blob = BLOB.exec(rest)?.[0]
    if (blob === undefined || blob.length === rest.length) return { text: rest, reply }
    rest = rest.slice(blob.length)
  }
}

/** Length of subj-leader = (*subj-blob subj-refwd) / WSP at the start, or 0. */
function leaderOf(text: string): number {
  if (text[0] === ' ' || text[0] === '\t') return 1
  let at = 0
  for (let blob = BLOB.exec(text); blob !== null; blob = BLOB.exec(text.slice(at))) at += blob[0].length
  const refwd = REFWD.exec(text.slice(at))
  return refwd === null ? 0 : at + refwd[0].length
}
