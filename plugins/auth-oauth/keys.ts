/**
 * The provider's keys, fetched when first needed and anew when they are old or a token names one that is not there. At most one request
 * is under way and one in half a minute, whatever tokens people make up; old keys serve on for a day while the provider is down.
 */
import type { Log } from 'posthouse/api'
import { ProviderDown, troubleOf } from './provider.js'

const STALE_MS = 86_400_000
const AGAIN_MS = 30_000
/** After a failure sooner: people wait. */
const AFTER_FAILURE_MS = 5_000

export interface KeysOptions<Keys> {
  /** Throws `ProviderDown`. */
  fetch(): Promise<Keys>
  readonly freshMs: number
  readonly now: () => number
  readonly log: Log
}

export class ProviderKeys<Keys> {
  readonly #options: KeysOptions<Keys>
  #held: { readonly keys: Keys; readonly at: number } | undefined
  #failed: { readonly error: ProviderDown; readonly at: number } | undefined
  #under: Promise<Keys> | undefined

  constructor(options: KeysOptions<Keys>) {
    this.#options = options
  }

  /** Throws `ProviderDown` when there are none to go on with. */
  async current(): Promise<Keys> {
    const held = this.#held
    const age = held === undefined ? Number.POSITIVE_INFINITY : this.#options.now() - held.at
    if (held !== undefined && age < this.#options.freshMs) return held.keys
    try {
      return await this.#fetch()
    } catch (error) {
      if (held === undefined || age >= STALE_MS || !(error instanceof ProviderDown)) throw error
      return held.keys
    }
  }

  /** For a token whose key is not among `known`. `undefined`: these are as new as may be. Throws `ProviderDown`. */
  async newerThan(known: Keys): Promise<Keys | undefined> {
    const held = this.#held
    if (held !== undefined && held.keys !== known) return held.keys
    if (held !== undefined && this.#options.now() - held.at < AGAIN_MS) return undefined
    return this.#fetch()
  }

  #fetch(): Promise<Keys> {
    const failed = this.#failed
    if (failed !== undefined && this.#options.now() - failed.at < AFTER_FAILURE_MS) return Promise.reject(failed.error)
    this.#under ??= this.#fetchNow().finally(() => {
      this.#under = undefined
    })
    return this.#under
  }

  async #fetchNow(): Promise<Keys> {
    const { fetch, now, log } = this.#options
    try {
      const keys = await fetch()
      this.#held = { keys, at: now() }
      this.#failed = undefined
      return keys
    } catch (error) {
      if (!(error instanceof ProviderDown)) throw error
      this.#failed = { error, at: now() }
      log.warn(troubleOf(error), 'keys of the provider cannot be fetched')
      throw error
    }
  }
}
