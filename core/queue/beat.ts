/** One clock for many who want to be looked at now and then: a timer for each lease costs more than the rest of it. */

interface Beaten {
  beat(): void
}

export class Beat {
  static readonly #all = new Map<number, Beat>()
  readonly #members = new Set<Beaten>()
  readonly #ms: number
  #timer: NodeJS.Timeout | undefined

  private constructor(ms: number) {
    this.#ms = ms
  }

  /** That of the process with this interval; a configuration has one or two. */
  static every(ms: number): Beat {
    const known = Beat.#all.get(ms)
    if (known !== undefined) return known
    const beat = new Beat(ms)
    Beat.#all.set(ms, beat)
    return beat
  }

  add(member: Beaten): void {
    this.#members.add(member)
    if (this.#timer === undefined) this.#timer = setInterval(() => this.#strike(), this.#ms)
    else if (this.#members.size === 1) this.#timer.ref()
  }

  /** It keeps no process alive that has no other reason to. */
  delete(member: Beaten): void {
    if (this.#members.delete(member) && this.#members.size === 0) this.#timer?.unref()
  }

  #strike(): void {
    if (this.#members.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
      return
    }
    for (const member of [...this.#members]) member.beat()
  }
}
