/**
 * Signals made by `AbortSignal.any`, seen from the one they follow. No listener tells of them, and Node.js 20 keeps some 50 octets of each for as long as the
 * followed one is there: for those that live as long as the process that is one for each login, so what is gone is taken out now and then. The only file that
 * knows where Node.js keeps them; where it is not found nothing is taken out, and every signal passes for followed.
 */

/** Node.js has a class of its own for it. */
type Followers = Pick<Set<WeakRef<AbortSignal>>, 'size' | 'delete' | 'forEach'>
type Followed = Readonly<Record<symbol, Followers | undefined>>

const KEY = keyOfFollowers()
const SWEEP_MS = 60_000

/** Whether any follows it, or did. */
export function isFollowed(signal: AbortSignal): boolean {
  return KEY === undefined || KEY in signal
}

/** How many follow it, with those that are gone and were not taken out yet. */
export function followersOf(signal: AbortSignal): number {
  return setOf(signal)?.size ?? 0
}

/** Takes out those that are gone. */
export function sweep(signal: AbortSignal): void {
  const followers = setOf(signal)
  followers?.forEach(follower => {
    if (follower.deref() === undefined) followers.delete(follower)
  })
}

/** … once a minute, until what it gives is called; keeps no process alive. */
export function sweepOften(signal: AbortSignal): () => void {
  const timer = setInterval(() => sweep(signal), SWEEP_MS).unref()
  return () => clearInterval(timer)
}

function setOf(signal: AbortSignal): Followers | undefined {
  return KEY === undefined ? undefined : (signal as unknown as Followed)[KEY]
}

function keyOfFollowers(): symbol | undefined {
  const { signal } = new AbortController()
  const before = new Set(Object.getOwnPropertySymbols(signal))
  AbortSignal.any([signal])
  return Object.getOwnPropertySymbols(signal).find(
    key => !before.has(key) && isSet((signal as unknown as Followed)[key]),
  )
}

function isSet(value: Followers | undefined): boolean {
  return value?.size === 1 && typeof value.forEach === 'function' && typeof value.delete === 'function'
}
