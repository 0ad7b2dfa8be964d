/**
 * Large messages are judged and filed a few at a time, in the order they came: what judging makes of a message takes several times its size, and a thousand
 * clients may end theirs in the same second. Small ones never wait. Waiting is short: no client is told anything but the answer. It has an end, too: what is
 * inside may wait for a name server that somebody has made slow, and must not hold the others up until their clients give up and send them again.
 */

/** A smaller one is small. */
const LARGE_BYTES = 128 * 1024
/** In one process; a message that is larger goes alone. */
const TOGETHER_BYTES = 16 * 1024 * 1024
/** RFC 5321 §4.5.3.2.6: clients wait ten minutes for the answer, and judging is still to come. */
const MOST_WAIT_MS = 60_000

interface Waiting {
  readonly size: number
  enter(): void
}

export class LargeMail {
  #inside = 0
  /** In the order they came. */
  readonly #waiting = new Set<Waiting>()

  /** `size` in octets. */
  pass<T>(size: number, work: () => Promise<T>): Promise<T> {
    return size < LARGE_BYTES ? work() : this.#passLarge(size, work)
  }

  async #passLarge<T>(size: number, work: () => Promise<T>): Promise<T> {
    if (this.#waiting.size > 0 || !this.#hasRoomFor(size)) await this.#turn(size)
    else this.#inside += size
    try {
      return await work()
    } finally {
      this.#inside -= size
      this.#letIn()
    }
  }

  #turn(size: number): Promise<void> {
    return new Promise(resolve => {
      const enter = () => {
        clearTimeout(late)
        this.#waiting.delete(waiting)
        this.#inside += size
        resolve()
      }
      const late = setTimeout(enter, MOST_WAIT_MS)
      const waiting: Waiting = { size, enter }
      this.#waiting.add(waiting)
    })
  }

  #hasRoomFor(size: number): boolean {
    return this.#inside === 0 || this.#inside + size <= TOGETHER_BYTES
  }

  #letIn(): void {
    for (const { size, enter } of this.#waiting) {
      if (!this.#hasRoomFor(size)) return
      enter()
    }
  }
}
