/**
 * The field that stays with a delivered message and says whom it came from and what was counted, so that it is known whom a move is about, however
 * old the message: nothing has to be kept for that. Believed only in front of the body, where nobody but this server writes.
 */
import type { Identity } from './identity.js'
import { escaped } from './keys.js'

export const ORIGIN_FIELD = 'X-Posthouse-Origin'

export type Class = 'ham' | 'spam' | 'unsure'

export interface Remembered {
  readonly class: Class
  /** Milliseconds since the epoch, to the second. */
  readonly at: number
  /** Without the site. */
  readonly identities: readonly Identity[]
}

const LONGEST = 4000
const KINDS = ['address', 'domain', 'organisation', 'dkim', 'spf', 'network'] as const
const CLASSES = ['ham', 'spam', 'unsure'] as const

export function originField({ class: counted, at, identities }: Remembered): string {
  const parts = identities.flatMap(({ kind, name }) => (kind === 'site' ? [] : [`${kind}=${escaped(name)}`]))
  return [counted, `at=${Math.floor(at / 1000)}`, ...parts].join('; ')
}

/** `prefix`: what stands in front of a stored body. */
export function readOrigin(prefix: string): Remembered | undefined {
  const start = `\n${prefix}`.indexOf(`\n${ORIGIN_FIELD}: `)
  if (start < 0) return undefined
  const [, value = ''] = /^[^:]+: ((?:[^\r\n]|\r?\n[ \t])*)/.exec(prefix.slice(start, start + LONGEST)) ?? []
  const [counted, ...parts] = value.replace(/\s+/g, '').split(';')
  const found = CLASSES.find(one => one === counted)
  const at = Number(parts.find(part => part.startsWith('at='))?.slice(3)) * 1000
  if (found === undefined || !Number.isSafeInteger(at)) return undefined
  const identities = parts.flatMap(part => {
    const equals = part.indexOf('=')
    const kind = KINDS.find(one => one === part.slice(0, equals))
    const name = unescaped(part.slice(equals + 1))
    return kind === undefined || name === undefined ? [] : [{ kind, name }]
  })
  return { class: found, at, identities }
}

function unescaped(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    // not of ours
    return undefined
  }
}
