/** How far a long command is: one line on the terminal, nothing where nobody looks. */

export class Progress {
  readonly #what: string
  readonly #shown = process.stderr.isTTY === true
  #last = 0

  constructor(what: string) {
    this.#what = what
  }

  at(done: number, now: number): void {
    if (!this.#shown || now - this.#last < 200) return
    this.#last = now
    process.stderr.write(`\r${this.#what}: ${done}`)
  }

  over(): void {
    if (this.#shown) process.stderr.write('\r\x1b[K')
  }
}
