/**
 * Lines that are logged in one turn of the event loop leave in one write: a relayed message has two or three, and a write of its own for each
 * costs more than putting the line together. Whoever tells of trouble flushes at once, and what is held goes out when the process exits; only a
 * process that is killed takes the lines of its last turn with it.
 */
import type { DestinationStream } from 'pino'

export interface Sink extends DestinationStream {
  /** What was written is out when this returns. */
  flush(): void
}

/** More than this is not held. */
const MOST_HELD = 65_536

const open = new Set<Lines>()
process.on('exit', () => {
  for (const lines of open) lines.flush()
})

export class Lines implements Sink {
  readonly #out: DestinationStream
  #held = ''

  constructor(out: DestinationStream) {
    this.#out = out
    open.add(this)
  }

  write(line: string): void {
    if (this.#held === '') setImmediate(() => this.flush())
    this.#held += line
    if (this.#held.length > MOST_HELD) this.flush()
  }

  flush(): void {
    const held = this.#held
    if (held === '') return
    this.#held = ''
    this.#out.write(held)
  }

  /** Nothing may be written afterwards. */
  close(): void {
    this.flush()
    open.delete(this)
  }
}
