/**
 * What a hook or target gets beside its question: a signal and a log, made when first asked for, since most never ask.
 * The signal fires at the deadline (`end`) or when the session is over.
 */
import { setMaxListeners } from 'node:events'
import type { Call, Log } from '../api/index.js'
import type { AskScope } from './intake-types.js'

export class LazyCall implements Call {
  readonly #scope: AskScope
  readonly #plugin: string | undefined
  readonly observed: boolean
  #signal: AbortSignal | undefined
  #controller: AbortController | undefined
  #log: Log | undefined
  #ended: Error | undefined

  /** `plugin`: who is named in the log. */
  constructor(scope: AskScope, plugin?: string, observed = false) {
    this.#scope = scope
    this.observed = observed
    this.#plugin = plugin
  }

  /** The same one every time, so that a listener can be taken off again. */
  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      this.#controller = new AbortController()
      this.#signal = AbortSignal.any([this.#controller.signal, this.#scope.signal])
      // A hook waits for as many names at once as a mail has it ask: Node warns of the eleventh wait, and takes it for a leak.
      setMaxListeners(0, this.#signal)
      if (this.#ended !== undefined) this.#controller.abort(this.#ended)
    }
    return this.#signal
  }

  get log(): Log {
    if (this.#plugin === undefined) return this.#scope.log
    this.#log ??= this.#scope.log.child({ plugin: this.#plugin })
    return this.#log
  }

  end(reason: Error): void {
    this.#ended = reason
    this.#controller?.abort(reason)
  }
}
