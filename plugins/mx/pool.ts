/**
 * Sessions kept open for the next job of the same lane: few, for a short time, and only while nothing disturbs them.
 * What is kept here belongs to the pool until `take` hands it out again.
 */
import type { MailSession } from './client/session.js'

export interface PoolOptions {
  readonly idleMs: number
  /** Of all lanes together. */
  readonly maxIdle: number
  /** Transactions in one session. */
  readonly maxUses: number
  readonly maxAgeMs: number
  readonly now: () => number
}

interface Idle {
  readonly lane: string
  readonly session: MailSession
  readonly until: number
  /** Nobody listens to it any more. */
  undisturbed: () => void
}

export class SessionPool {
  readonly #options: PoolOptions
  readonly #idle = new Map<string, Idle[]>()
  /** As they came: the time of the first is over first. */
  readonly #all = new Set<Idle>()
  /** One clock for all: it rings for the first, or earlier. */
  #clock: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  take(lane: string): MailSession | undefined {
    const idle = this.#idle.get(lane)?.at(-1)
    if (idle === undefined) return undefined
    this.#forget(idle)
    return idle.session.connection.quiet ? idle.session : undefined
  }

  /** Keeps the session or says QUIT. */
  give(lane: string, session: MailSession): void {
    const { connection } = session
    const { idleMs, maxIdle, maxUses, maxAgeMs, now } = this.#options
    const most = Math.min(maxUses, session.extensions.maxMessages ?? maxUses)
    const worn = session.uses >= most || now() - session.openedAt >= maxAgeMs
    if (this.#closed || worn || idleMs === 0 || this.#all.size >= maxIdle || !connection.quiet) {
      connection.quit()
      return
    }
    this.#keep(lane, session)
  }

  close(): void {
    this.#closed = true
    for (const idle of [...this.#all]) this.#drop(idle)
    clearTimeout(this.#clock)
  }

  get size(): number {
    return this.#all.size
  }

  #keep(lane: string, session: MailSession): void {
    const idle: Idle = { lane, session, until: performance.now() + this.#options.idleMs, undisturbed: nothing }
    // RFC 5321 §3.8: a peer may say 421 at any time; nobody is listening to what an idle session says.
    idle.undisturbed = session.connection.whenDisturbed(() => this.#drop(idle))
    const list = this.#idle.get(lane)
    if (list === undefined) this.#idle.set(lane, [idle])
    else list.push(idle)
    this.#all.add(idle)
    if (this.#clock === undefined) this.#wind(this.#options.idleMs)
  }

  #wind(ms: number): void {
    this.#clock = setTimeout(() => this.#look(), ms)
    // It has nothing to do where none is idle: the sockets of those that are keep the process.
    this.#clock.unref()
  }

  #look(): void {
    this.#clock = undefined
    const now = performance.now()
    for (const idle of this.#all) {
      // A timer may ring a moment early.
      if (idle.until - now > 1) {
        this.#wind(idle.until - now)
        return
      }
      this.#drop(idle)
    }
  }

  #drop(idle: Idle): void {
    this.#forget(idle)
    idle.session.connection.quit()
  }

  #forget(idle: Idle): void {
    idle.undisturbed()
    if (!this.#all.delete(idle)) return
    const list = this.#idle.get(idle.lane) ?? []
    // Most often the one that came last.
    if (list.at(-1) === idle) list.pop()
    else list.splice(list.indexOf(idle), 1)
    if (list.length === 0) this.#idle.delete(idle.lane)
  }
}

function nothing(): void {
  // Nobody listens yet.
}
