/**
 * When a commit begins. Each costs about a millisecond of CPU, however much it holds: pages, a flush, two threads that wake each other. So where
 * changes come by the dozen, one waits a moment for others, for as long as the last commit took and a millisecond at most; and a change nobody
 * waits for waits for one that somebody does. Where they come one by one nobody waits for company. See docs/decisions/0071 and 0077.
 */

/** `now`: somebody waits for it. `later`: nobody does; it may join what comes next. */
export type Hurry = 'now' | 'later'

/** Changes of a commit that somebody waited for, from which on the next one waits for company. */
const COMPANY = 3
/** Longer gathers hardly more, as others wait for LMDB's lock anyway, and leaves the processor idle while clients wait. */
const LONGEST_MS = 1
/** What nobody waits for. A crash in that time undoes it, as one before its commit would. */
const LATER_MS = 20

/** How long to wait, by what the last commit was. */
export class Pace {
  #urgent = 0
  #tookMs = 0

  /** How many of its changes somebody waited for, and how long it was from its begin until it was on disk. */
  took(urgent: number, ms: number): void {
    this.#urgent = urgent
    this.#tookMs = ms
  }

  waitMs(hurry: Hurry): number {
    if (hurry === 'later') return LATER_MS
    return this.#urgent < COMPANY ? 0 : Math.min(LONGEST_MS, this.#tookMs)
  }
}

/** Begins something once, at the soonest of the times that are wished for. */
export class Start {
  /** As what was begun. */
  readonly ended: Promise<void>
  #begin: () => void = () => undefined
  #begun = false
  #at = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(begin: () => Promise<void>) {
    this.ended = new Promise((resolve, reject) => {
      this.#begin = () => begin().then(resolve, reject)
    })
  }

  within(ms: number): void {
    if (this.#begun) return
    const at = performance.now() + ms
    if (at >= this.#at) return
    clearTimeout(this.#timer)
    if (ms > 0) {
      this.#at = at
      this.#timer = setTimeout(() => this.#go(), ms)
    } else this.#go()
  }

  #go(): void {
    this.#begun = true
    this.#begin()
  }
}
