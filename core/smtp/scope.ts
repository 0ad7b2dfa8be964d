/** What hooks asked in a session are given beside the question: a signal that fires when the client has gone, and the session's log. */
import type { Log } from '../api/index.js'
import type { AskScope } from '../pipeline/intake-types.js'
import { Gone } from './gone.js'

/** Most sessions end without a hook that wanted to know: the controller is made when someone asks. */
export class LazyAbort {
  #controller: AbortController | undefined
  #over = false

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#over) this.#controller.abort(new Gone())
    }
    return this.#controller.signal
  }

  abort(): void {
    this.#over = true
    this.#controller?.abort(new Gone())
  }
}

export class SessionScope implements AskScope {
  readonly log: Log
  readonly concerned = new Set<object>()
  readonly #gone: LazyAbort

  constructor(gone: LazyAbort, log: Log) {
    this.#gone = gone
    this.log = log
  }

  get signal(): AbortSignal {
    return this.#gone.signal
  }
}
