/**
 * What is looked for in a line: addresses, replies of SMTP servers, enhanced codes, hosts. Every pattern is bounded, so that a hostile
 * line costs no more than its length.
 */
import { printable } from 'posthouse/text'
import { MAX_TEXT } from './reading.js'

const LOCAL = "[\\p{L}\\p{M}\\p{N}\\p{So}!#$%&'*+/=?^_`{|}~.-]"
const HOST = '[\\p{L}\\p{N}](?:[\\p{L}\\p{N}._-]{0,250}[\\p{L}\\p{N}])?'
const ADDRESS = new RegExp(`(?:"[^"@\\s]{1,64}"|${LOCAL}{1,64})@(?:${HOST}|\\[[0-9A-Fa-f.:]{3,45}\\])`, 'gu')
/** `550 5.1.1 …`, `550-5.1.1 …`, `554: …`, `#550 …`. */
const REPLY = /(?:^|[\s:;#'"([>])([45]\d\d)(?:[ -]+#?([45]\.\d{1,3}\.\d{1,3})(?![\d.])|[ :-]|$)/
const STATUS = /(?:^|[^\d.])#?([245]\.\d{1,3}\.\d{1,3})(?![\d.]|\/)/
const HOST_NEAR =
  /(?:\bhost|\bserver|\bto|\bby|\bwhile talking to|\bfrom|\bmx|\bat)[ :]{1,3}<?\[?([\p{L}\p{N}][\p{L}\p{N}-]{0,62}(?:\.[\p{L}\p{N}-]{1,63}){1,10}|\d{1,3}(?:\.\d{1,3}){3})\]?/giu

export function addressesIn(line: string): readonly string[] {
  if (!line.includes('@')) return []
  return [...line.matchAll(ADDRESS)].flatMap(([found], i, all) => (i < 100 && all.length < 1000 ? [clean(found)] : []))
}

/** Quotes and marks that people put around an address are no part of it, nor are words of a script that knows no spaces. */
function clean(address: string): string {
  return address
    .replace(/^['=.]{1,3}(?=[^@])/, '')
    .replace(/^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]{1,64}(?=[!-~]{1,64}@)/u, '')
    .replace(/(\.[a-z]{2,20})[^\x00-\x7f.]{1,250}$/iu, '$1')
}

export interface ReplyWords {
  readonly code?: number
  readonly status?: string
}

/** A reply of SMTP that stands anywhere in the line. */
export function replyIn(line: string): (ReplyWords & { readonly at: number }) | undefined {
  const found = REPLY.exec(line)
  if (found === null) return undefined
  const code = Number(found[1])
  const at = found.index + found[0].indexOf(found[1]!)
  const status = found[2] ?? statusIn(line.slice(at))
  return { code, at, ...(status === undefined ? {} : { status }) }
}

/** An enhanced code, `(#5.1.1)` as qmail has it too. Not the first three numbers of an address of IPv4. */
export function statusIn(text: string): string | undefined {
  return STATUS.exec(text.slice(0, 4000))?.[1]
}

/** The mail host that a line speaks of. */
export function hostIn(line: string): string | undefined {
  for (const [, host] of line.matchAll(HOST_NEAR)) if (!/\.(?:html?|php|asp|cgi)$/i.test(host!)) return host
  return undefined
}

/** In one line, white space drawn together. */
export function line(text: string, max = MAX_TEXT): string {
  return printable(
    text
      .slice(0, max * 4)
      .replace(/\s+/gu, ' ')
      .trim(),
    max,
  )
}
