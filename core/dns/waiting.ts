/** Waits of the resolvers, each with an end. */
import { setMaxListeners } from 'node:events'
import { MailError } from '../api/index.js'

export function withDeadline<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new MailError('dns-unavailable', `${what}: no answer in ${ms} ms`)), ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** The caller leaves when its signal fires; the shared query goes on for the others, up to its own deadline. */
export function leaveOn<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (signal === undefined) return work
  return new Promise<T>((resolve, reject) => {
    const leave = () => reject(new MailError('dns-unavailable', 'the caller stopped waiting', signal.reason))
    if (signal.aborted) leave()
    // Whoever asks for many names at once waits for each by the same signal.
    setMaxListeners(0, signal)
    signal.addEventListener('abort', leave, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}
