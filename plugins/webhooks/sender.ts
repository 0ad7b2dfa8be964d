/**
 * Tells one hook what waits for it, oldest first, one request at a time, in one of all workers. A failure holds everything behind it back, so
 * that the order stays; what is too old is dropped and counted.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock, Log, Metrics, Place, State } from 'posthouse/api'
import { printable } from 'posthouse/text'
import type { Outbox, Waiting } from './outbox.js'
import { type Posted, post, postingId } from './post.js'
import type { Hook, Terms } from './settings.js'

export interface SenderDeps {
  readonly hook: Hook
  readonly terms: Terms
  readonly outbox: Outbox
  readonly state: State
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** Our name, for the body. */
  readonly server: string
  readonly signal: AbortSignal
}

/** The safety net under `wake`: events of other workers, and the place of a sender that has died. */
const LOOK_MS = 30_000
/** A peer that says so is believed up to this. */
const MAX_WAIT_MS = 3_600_000
/** Refused for what it is: sent alone once, then dropped. */
const NOT_THIS = new Set([400, 413, 422])
const GONE = 410

export class Sender {
  readonly #deps: SenderDeps
  #waking = new AbortController()
  #failures = 0
  /** After a refusal of a whole request, events go one by one. */
  #alone = 0
  #done: Promise<void> | undefined

  constructor(deps: SenderDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#done ??= this.#run()
  }

  /** Something waits. `now`: whatever the back-off says. */
  wake(now = false): void {
    if (now || this.#failures === 0) this.#waking.abort()
  }

  /** Resolves when the request under way has ended; `signal` has fired. */
  async end(): Promise<void> {
    await this.#done
  }

  async #run(): Promise<void> {
    const { signal, state, clock, hook, log } = this.#deps
    while (!signal.aborted) {
      let place: Place | undefined
      try {
        place = await state.enter(`send/${hook.key}`, 1, clock.now())
        while (place !== undefined && !signal.aborted) await this.#pause(await this.#step())
      } catch (error) {
        log.warn({ err: error, hook: hook.shown }, 'webhook events cannot be read')
      } finally {
        await place?.leave().catch(() => log.debug({ hook: hook.shown }, 'place not given back'))
      }
      await this.#pause(LOOK_MS)
    }
  }

  async #pause(ms: number): Promise<void> {
    if (ms <= 0) return
    const { signal } = this.#deps
    // Rejects only when it is woken or ended.
    await sleep(ms, undefined, { signal: AbortSignal.any([signal, this.#waking.signal]), ref: false }).catch(
      () => undefined,
    )
    if (this.#waking.signal.aborted) this.#waking = new AbortController()
  }

  /** How long to wait before the next. */
  async #step(): Promise<number> {
    const { outbox, hook, terms } = this.#deps
    if ((await outbox.stopped()) !== undefined) return LOOK_MS
    const found = await outbox.next(this.#alone > 0 ? 1 : hook.batch)
    const batch = this.#fitting(await this.#young(found))
    if (batch.length === 0) return found.length === 0 ? LOOK_MS : 0
    const posted = await this.#post(batch)
    if ('status' in posted && posted.status >= 200 && posted.status < 300) return this.#told(batch)
    if ('status' in posted && posted.status === GONE) return this.#stop()
    if ('status' in posted && NOT_THIS.has(posted.status)) return this.#unwanted(batch, posted.status)
    this.#failures += 1
    const waitMs = terms.retryMs[Math.min(this.#failures, terms.retryMs.length) - 1]!
    const asked = 'retryAfterMs' in posted ? (posted.retryAfterMs ?? 0) : 0
    return this.#failed(posted, Math.max(waitMs, Math.min(asked, MAX_WAIT_MS)))
  }

  async #young(found: readonly Waiting[]): Promise<readonly Waiting[]> {
    const { clock, terms } = this.#deps
    const old = found.filter(({ event }) => clock.now() - event.at > terms.keepMs)
    if (old.length > 0) await this.#drop(old, 'too old')
    return found.filter(one => !old.includes(one))
  }

  /** At least one. */
  #fitting(waiting: readonly Waiting[]): readonly Waiting[] {
    let left = this.#deps.terms.largestBytes
    return waiting.filter(({ event }, i) => {
      left -= Buffer.byteLength(JSON.stringify(event)) + 1
      return i === 0 || left > 0
    })
  }

  async #post(batch: readonly Waiting[]): Promise<Posted | { readonly error: string }> {
    const { hook, clock, server, signal } = this.#deps
    const events = batch.map(({ event }) => event)
    const now = clock.now()
    const id = postingId(events.map(event => event.id))
    const body = bodyOf(server, now, events)
    const { url, secret, timeoutMs, networks } = hook
    try {
      return await post({ url, body, id, secret, now, timeoutMs, networks, signal })
    } catch (error) {
      return { error: printable((error as Error).message, 300) }
    }
  }

  async #told(batch: readonly Waiting[]): Promise<number> {
    const { outbox, metrics, log, hook } = this.#deps
    await outbox.remove(batch)
    metrics.count('told', batch.length)
    log.debug({ hook: hook.shown, events: batch.length }, 'webhook told')
    if (this.#failures > 0) {
      log.info({ hook: hook.shown, failures: this.#failures }, 'webhook answers again')
      await outbox.noteTrouble(undefined)
    }
    this.#failures = 0
    this.#alone = Math.max(0, this.#alone - 1)
    return 0
  }

  async #stop(): Promise<number> {
    const { outbox, log, hook } = this.#deps
    await outbox.stop()
    await this.#drop(await outbox.next(Number.MAX_SAFE_INTEGER), 'the hook is gone (410)')
    log.warn({ hook: hook.shown }, 'webhook is gone and told no more')
    return LOOK_MS
  }

  async #unwanted(batch: readonly Waiting[], status: number): Promise<number> {
    if (batch.length > 1) this.#alone = batch.length
    else {
      await this.#drop(batch, `refused with ${status}`)
      this.#alone = Math.max(0, this.#alone - 1)
    }
    return 0
  }

  async #failed(posted: Posted | { readonly error: string }, waitMs: number): Promise<number> {
    const { outbox, metrics, log, hook, signal } = this.#deps
    if (signal.aborted) return 0
    const why = 'error' in posted ? posted.error : `answered ${posted.status}`
    metrics.count('failures')
    log.warn({ hook: hook.shown, why, failures: this.#failures, waitMs }, 'webhook could not be told')
    await outbox.noteTrouble(why)
    return waitMs
  }

  async #drop(waiting: readonly Waiting[], why: string): Promise<void> {
    const { outbox, metrics, log, hook } = this.#deps
    await outbox.remove(waiting)
    metrics.count('dropped', waiting.length)
    log.warn({ hook: hook.shown, events: waiting.length, why }, 'webhook events dropped')
  }
}

export function bodyOf(server: string, now: number, events: readonly object[]): string {
  return JSON.stringify({ type: 'queue', server, sent: new Date(now).toISOString(), events })
}
