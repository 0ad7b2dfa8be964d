/**
 * What a domain publishes about its mail hosts (RFC 8461): the TXT record that says there is a policy and which, and the policy itself.
 * Pure. Both come from strangers; `undefined` or a `ReadError` mean that there is nothing to go by.
 */
import { ReadError, Reader } from 'posthouse/text'

export type Mode = 'enforce' | 'testing' | 'none'

export interface Policy {
  readonly mode: Mode
  readonly maxAgeSeconds: number
  /** `mail.example.com` or `*.example.net`, in lower case. */
  readonly mx: readonly string[]
}

/** RFC 8461 §3.2: a year and a bit; what is longer counts as this. */
const MAX_AGE_SECONDS = 31_557_600

const SPACE = /[ \t]*/
const VERSION = /v=STSv1(?=[ \t]*(?:;|$))/
const RECORD_DELIMITER = /[ \t]*;[ \t]*/
const FIELD_NAME = /[A-Za-z0-9][A-Za-z0-9_.-]{0,31}/
const RECORD_VALUE = /[\x21-\x3a\x3c\x3e-\x7e]+/
const ID = /^[A-Za-z0-9]{1,32}$/

/** RFC 8461 §3.1: the id of the one record that is there; several, none or a broken one are no policy. */
export function readRecord(texts: readonly string[]): string | undefined {
  const records = texts.filter(text => new Reader(text).peek(/v=STSv1[ \t]*;/))
  const [record] = records
  if (record === undefined || records.length > 1) return undefined
  try {
    return readId(new Reader(record))
  } catch (error) {
    if (error instanceof ReadError) return undefined
    throw error
  }
}

function readId(input: Reader): string | undefined {
  let id: string | undefined
  input.need(VERSION, 'v=STSv1')
  while (!input.atEnd) {
    input.need(RECORD_DELIMITER, 'a semicolon')
    // The last delimiter may have nothing behind it.
    if (input.atEnd) break
    const name = input.need(FIELD_NAME, 'the name of a field')
    input.need('=', 'an equals sign')
    const value = input.need(RECORD_VALUE, 'a value')
    // RFC 8461 §3.2: of a field that comes twice the first counts.
    if (name === 'id') id ??= value
    if (input.peek(/[ \t]+$/)) break
  }
  return id !== undefined && ID.test(id) ? id : undefined
}

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
const PATTERN = new RegExp(`(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*`)
const MODE = /enforce|testing|none/
const SECONDS = /[0-9]{1,10}/
/** No control characters; octets above ASCII are UTF-8 of extensions, which nobody reads. */
const ANYTHING = /[^\x00-\x08\x0a-\x1f\x7f]*/

/** RFC 8461 §3.2. Throws `ReadError`. Empty lines, which its grammar does not have, are passed over. */
export function readPolicy(text: string): Policy {
  const seen: Fields = { mx: [] }
  for (const line of text.split('\n')) {
    const input = new Reader(line.endsWith('\r') ? line.slice(0, -1) : line)
    input.take(SPACE)
    if (!input.atEnd) readField(input, seen)
  }
  const { version, mode, maxAgeSeconds, mx } = seen
  if (version === undefined) throw new ReadError(1, 'a policy with "version: STSv1"')
  if (mode === undefined) throw new ReadError(1, 'a policy with a mode')
  if (maxAgeSeconds === undefined) throw new ReadError(1, 'a policy with a max_age')
  if (mx.length === 0 && mode !== 'none') throw new ReadError(1, 'a policy with at least one mx')
  return { mode, maxAgeSeconds, mx }
}

interface Fields {
  version?: true
  mode?: Mode
  maxAgeSeconds?: number
  readonly mx: string[]
}

function readField(input: Reader, seen: Fields): void {
  const name = input.need(FIELD_NAME, 'the name of a field')
  input.need(':', 'a colon')
  input.take(SPACE)
  switch (name) {
    case 'version':
      if (seen.version) return
      input.need('STSv1', 'STSv1')
      seen.version = true
      break
    case 'mode': {
      if (seen.mode !== undefined) return
      seen.mode = input.need(MODE, 'enforce, testing or none') as Mode
      break
    }
    case 'max_age':
      if (seen.maxAgeSeconds !== undefined) return
      seen.maxAgeSeconds = Math.min(Number(input.need(SECONDS, 'a number of seconds')), MAX_AGE_SECONDS)
      break
    case 'mx':
      seen.mx.push(input.need(PATTERN, 'a host name or *.domain').toLowerCase())
      break
    default:
      input.need(ANYTHING, 'a value without control characters')
  }
  input.take(SPACE)
  input.end()
}

/** RFC 8461 §4.1: `*` stands for one whole label, the leftmost. `host` is an A-label name in lower case, without a last dot. */
export function isNamed(host: string, patterns: readonly string[]): boolean {
  const dot = host.indexOf('.')
  const parent = dot > 0 ? `*${host.slice(dot)}` : undefined
  return patterns.some(pattern => pattern === host || pattern === parent)
}
