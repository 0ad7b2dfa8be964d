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
  readonly session: MailSession
  forget(): void
}

export class SessionPool {
  readonly #options: PoolOptions
  readonly #idle = new Map<string, Idle[]>()
  #count = 0
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  take(lane: string): MailSession | undefined {
    const idle = this.#idle.get(lane)?.at(-1)
    if (idle === undefined) return undefined
    idle.forget()
    return idle.session.connection.quiet ? idle.session : undefined
  }

  /** Keeps the session or says QUIT. */
  give(lane: string, session: MailSession): void {
    const { connection } = session
    const { idleMs, maxIdle, maxUses, maxAgeMs, now } = this.#options
    const most = Math.min(maxUses, session.extensions.maxMessages ?? maxUses)
    const worn = session.uses >= most || now() - session.openedAt >= maxAgeMs
    if (this.#closed || worn || idleMs === 0 || this.#count >= maxIdle || !connection.quiet) {
      connection.quit()
      return
    }
    this.#keep(lane, session)
  }

  close(): void {
    this.#closed = true
    for (const idle of [...this.#idle.values()].flat()) {
      idle.forget()
      idle.session.connection.quit()
    }
  }

  get size(): number {
    return this.#count
  }

  #keep(lane: string, session: MailSession): void {
    const drop = () => {
      idle.forget()
      session.connection.quit()
    }
    const timer = setTimeout(drop, this.#options.idleMs)
    // RFC 5321 §3.8: a peer may say 421 at any time; nobody is listening to what an idle session says.
    const undisturbed = session.connection.whenDisturbed(drop)
    const idle: Idle = {
      session,
      forget: () => {
        clearTimeout(timer)
        undisturbed()
        this.#remove(lane, idle)
      },
    }
    const list = this.#idle.get(lane)
    if (list === undefined) this.#idle.set(lane, [idle])
    else list.push(idle)
    this.#count += 1
  }

  #remove(lane: string, idle: Idle): void {
    const left = (this.#idle.get(lane) ?? []).filter(other => other !== idle)
    if (left.length === 0) this.#idle.delete(lane)
    else this.#idle.set(lane, left)
    this.#count -= 1
  }
}
