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
  /** One is made for every hook of every mail: what most never ask for takes no room in it. */
  #made: Made | undefined

  /** `plugin`: who is named in the log. */
  constructor(scope: AskScope, plugin?: string, observed = false) {
    this.#scope = scope
    this.observed = observed
    this.#plugin = plugin
  }

  /** The same one every time, so that a listener can be taken off again. */
  get signal(): AbortSignal {
    this.#made ??= {}
    this.#made.signal ??= this.#newSignal(this.#made)
    return this.#made.signal
  }

  #newSignal(made: Made): AbortSignal {
    made.controller = new AbortController()
    const signal = AbortSignal.any([made.controller.signal, this.#scope.signal])
    // A hook waits for as many names at once as a mail has it ask: Node warns of the eleventh wait, and takes it for a leak.
    setMaxListeners(0, signal)
    if (made.ended !== undefined) made.controller.abort(made.ended)
    return signal
  }

  get log(): Log {
    if (this.#plugin === undefined) return this.#scope.log
    this.#made ??= {}
    this.#made.log ??= this.#scope.log.child({ plugin: this.#plugin })
    return this.#made.log
  }

  end(reason: Error): void {
    this.#made ??= {}
    this.#made.ended = reason
    this.#made.controller?.abort(reason)
  }
}

interface Made {
  signal?: AbortSignal
  controller?: AbortController
  log?: Log
  ended?: Error
}
