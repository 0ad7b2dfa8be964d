/**
 * What a capability is: a name, when it is announced, what it cannot be without, and whether the client must ENABLE it. It stands in the file of
 * the module that does it (a command, or what commands share); `capabilities.ts` is the table of all of them.
 *
 * A module whose capability is switched off is not there: its command has `needs`, and what it adds to other commands (an item of FETCH, a key of
 * SEARCH, an option of LIST) is read only where `input.can(…)`.
 */
import type { Standing } from './answer.js'
import type { Session } from './session.js'
import type { CapabilityName } from './wire/features.js'

export interface Capability {
  readonly name: CapabilityName
  /** Left out: always. What the account may have switched off is announced before the login too, as nobody is known then. */
  when?(standing: Standing): boolean
  /** What is announced, where it is not the name alone: `AUTH=PLAIN`, `APPENDLIMIT=1000`. */
  said?(standing: Standing): readonly string[]
  /** Without any of these it is off too. */
  readonly needs?: readonly CapabilityName[]
  /** It can be named in ENABLE (RFC 5161). */
  readonly enable?: Enabling
}

export interface Enabling {
  /** Enabled with it (RFC 7162 §3.2.3: QRESYNC brings CONDSTORE). */
  readonly also?: readonly CapabilityName[]
  /** What there is to do at that moment; what it says comes before ENABLED. */
  done?(session: Session): Promise<void>
}

/** For `when`. */
export function beforeLogin({ state }: Standing): boolean {
  return state === 'not-authenticated'
}

/** For `when`. */
export function afterLogin(standing: Standing): boolean {
  return !beforeLogin(standing)
}
