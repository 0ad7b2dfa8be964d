/**
 * Secrets that were right, remembered as digests under a key that is made at start: whoever reads the memory of the process does not read
 * passwords in it. Wrong ones are never put here. How long one counts is for who asks to say.
 */
import { createHmac, randomBytes } from 'node:crypto'

export interface Remembered<T> {
  readonly value: T
  /** When it was right; milliseconds since the epoch. */
  readonly at: number
}

export class RememberedSecrets<T> {
  readonly #most: number
  readonly #key = randomBytes(32)
  /** Oldest first. */
  readonly #kept = new Map<string, Remembered<T>>()

  constructor(most: number) {
    this.#most = most
  }

  find(secret: readonly string[]): Remembered<T> | undefined {
    return this.#kept.get(this.#digest(secret))
  }

  keep(secret: readonly string[], remembered: Remembered<T>): void {
    const digest = this.#digest(secret)
    this.#kept.delete(digest)
    this.#kept.set(digest, remembered)
    if (this.#kept.size <= this.#most) return
    const [oldest] = this.#kept.keys()
    if (oldest !== undefined) this.#kept.delete(oldest)
  }

  forget(secret: readonly string[]): void {
    this.#kept.delete(this.#digest(secret))
  }

  #digest(secret: readonly string[]): string {
    return createHmac('sha256', this.#key).update(JSON.stringify(secret)).digest('base64')
  }
}
