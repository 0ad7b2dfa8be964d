/**
 * What we have found out ourselves about where a message comes from: the Authentication-Results that stand in front of it (RFC 8601). Only
 * those of the fields we put there are looked at, so nothing in them was written by a stranger. Pure.
 */
import { scanHeader } from 'posthouse/text'

export interface OwnResults {
  /** `mail.example.org; spf=pass …; dkim=pass …`: what all our fields say, in one (RFC 8617 §4.1.1). */
  readonly payload: string
  /** Of a chain that was there when the message came. */
  readonly arc?: 'pass' | 'fail' | 'none'
}

const MAX_PAYLOAD = 16 * 1024

/** `prefix`: the fields we put in front of the message; `extra`: one more result. */
export function ownResults(prefix: string, server: string, extra?: string): OwnResults {
  const { fields } = scanHeader(Buffer.from(prefix))
  const results = fields
    .filter(({ name }) => name.toLowerCase() === 'authentication-results')
    .map(({ raw }) => Buffer.from(raw, 'latin1').toString())
    .flatMap(value => resultsOf(value, server))
  const all = [...new Set([...results, ...(extra === undefined ? [] : [extra])])]
  const arc = /^arc=(pass|fail|none)\b/
  const status = all.map(result => arc.exec(result)?.[1]).find(found => found !== undefined)
  const payload = `${server}; ${all.length === 0 ? 'none' : all.join('; ')}`
  return {
    payload: payload.length > MAX_PAYLOAD ? `${server}; none` : payload,
    ...(status === undefined ? {} : { arc: status as 'pass' | 'fail' | 'none' }),
  }
}

/** Those that speak in our name; a semicolon may stand in a comment or in quotes. */
function resultsOf(value: string, server: string): readonly string[] {
  const [id = '', ...results] = parts(value)
  return id.toLowerCase() === server.toLowerCase() ? results.filter(one => one !== '' && one !== 'none') : []
}

/** At semicolons that stand neither in a comment nor in quotes. */
export function parts(value: string): readonly string[] {
  const found: string[] = []
  let depth = 0
  let quoted = false
  let from = 0
  for (let at = 0; at < value.length; at++) {
    const char = value[at]!
    if (char === '\\') at += 1
    else if (char === '"' && depth === 0) quoted = !quoted
    else if (quoted) continue
    else if (char === '(') depth += 1
    else if (char === ')' && depth > 0) depth -= 1
    else if (char === ';' && depth === 0) {
      found.push(value.slice(from, at).trim())
      from = at + 1
    }
  }
  return [...found, value.slice(from).trim()]
}
