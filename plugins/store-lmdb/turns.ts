/**
 * Whose turn it is to write a part of a large draft. Without turns a thousand clients had as many parts in memory at once, as read from their sockets and again as pages of
 * one commit. A turn is for one part: whoever has had it stands at the end of the line. Who has a turn and brings nothing for a while loses it, so that those who
 * send slowly keep nobody waiting; their part waits for another turn then.
 */

/** A part is up to 64 KB: a commit of 8 MB costs a flush no less than one of 32. */
const MOST_AT_ONCE = 128
/** From the moment it may be brought. What a quick client sends lies with the system already. */
const BRING_WITHIN_MS = 100

interface Turn {
  readonly given: number
  begun: boolean
}

export class Turns<Owner extends object> {
  readonly #most: number
  readonly #now: () => number
  readonly #turns = new Map<Owner, Turn>()
  /** In the order they came. */
  readonly #waiting = new Map<Owner, () => void>()
  #looking: NodeJS.Timeout | undefined

  constructor(most = MOST_AT_ONCE, now: () => number = () => performance.now()) {
    this.#most = most
    this.#now = now
  }

  /** Resolves when the owner's turn has come. */
  async come(owner: Owner): Promise<void> {
    if (this.#turns.has(owner)) return
    if (this.#turns.size < this.#most && this.#waiting.size === 0) this.#give(owner)
    else await this.#wait(owner)
  }

  /** Its part is there: from now on the turn lasts until `leave`. */
  begin(owner: Owner): void {
    const turn = this.#turns.get(owner)
    if (turn !== undefined) turn.begun = true
  }

  /** Also of one that waits, or has lost it. */
  leave(owner: Owner): void {
    this.#turns.delete(owner)
    this.#waiting.get(owner)?.()
    this.#waiting.delete(owner)
    this.#letIn()
  }

  #give(owner: Owner): void {
    this.#turns.set(owner, { given: this.#now(), begun: false })
  }

  #wait(owner: Owner): Promise<void> {
    this.#looking ??= setInterval(() => this.#look(), BRING_WITHIN_MS).unref()
    return new Promise(resolve => this.#waiting.set(owner, resolve))
  }

  #look(): void {
    const before = this.#now() - BRING_WITHIN_MS
    for (const [owner, { given, begun }] of this.#turns) if (!begun && given < before) this.#turns.delete(owner)
    this.#letIn()
  }

  #letIn(): void {
    for (const [owner, come] of this.#waiting) {
      if (this.#turns.size >= this.#most) return
      this.#waiting.delete(owner)
      this.#give(owner)
      come()
    }
    clearInterval(this.#looking)
    this.#looking = undefined
  }
}
