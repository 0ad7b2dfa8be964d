/**
 * How a network stands with us: so many of its messages were accepted, and when that was last written down. Once there are enough it is
 * let through without asking, for weeks; every use renews that, at most one write a day.
 */
import type { State } from 'posthouse/api'
import { networkKey } from './keys.js'

const RENEW_MS = 86_400_000

export interface Standing {
  readonly accepted: number
  readonly at: number
}

export interface Terms {
  /** From so many accepted messages on. */
  readonly proven: number
  readonly rememberMs: number
}

export async function standingOf(state: State, network: string, now: number): Promise<Standing> {
  return readStanding(await state.get(networkKey(network), now))
}

export function readStanding(value: string | undefined): Standing {
  const [accepted, at] = (value ?? '').split(' ').map(Number)
  return { accepted: accepted || 0, at: at || 0 }
}

export function isProven({ accepted }: Standing, { proven }: Terms): boolean {
  return accepted >= proven
}

/** A message of theirs was accepted. Two workers that do this at once may count one for two: the next message makes up for it. */
export async function noteAccepted(state: State, network: string, terms: Terms, now: number): Promise<void> {
  const standing = await standingOf(state, network, now)
  if (isProven(standing, terms) && now - standing.at < RENEW_MS) return
  await prove(state, network, Math.min(standing.accepted + 1, terms.proven), now, now + terms.rememberMs)
}

export async function prove(
  state: State,
  network: string,
  accepted: number,
  now: number,
  expires: number,
): Promise<void> {
  await state.put(networkKey(network), `${accepted} ${now}`, expires)
}
