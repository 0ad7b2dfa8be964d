/**
 * Large messages are judged and filed a few at a time, in the order they came: what judging makes of a message takes several times its size, and a thousand
 * clients may end theirs in the same second. Small ones never wait. Waiting is short: no client is told anything but the answer.
 */

/** A smaller one is small. */
const LARGE_BYTES = 128 * 1024
/** In one process; a message that is larger goes alone. */
const TOGETHER_BYTES = 16 * 1024 * 1024

export class LargeMail {
  #inside = 0
  readonly #waiting: { readonly size: number; readonly enter: () => void }[] = []

  /** `size` in octets. */
  async pass<T>(size: number, work: () => Promise<T>): Promise<T> {
    if (size < LARGE_BYTES) return work()
    if (this.#waiting.length > 0 || !this.#hasRoomFor(size))
      await new Promise<void>(enter => this.#waiting.push({ size, enter }))
    else this.#inside += size
    try {
      return await work()
    } finally {
      this.#inside -= size
      this.#letIn()
    }
  }

  #hasRoomFor(size: number): boolean {
    return this.#inside === 0 || this.#inside + size <= TOGETHER_BYTES
  }

  #letIn(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#hasRoomFor(next.size); next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#inside += next.size
      next.enter()
    }
  }
}
