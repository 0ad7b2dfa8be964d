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

/**
 * Octets that are held and leave in one piece. Workers share a pipe to whoever keeps the log, and what is longer than this may be torn apart there by
 * the lines of another worker (pipe(7), PIPE_BUF); only a single line may be longer.
 */
const MOST_HELD = 4096

const open = new Set<Lines>()
process.on('exit', () => {
  for (const lines of open) lines.flush()
})

export class Lines implements Sink {
  readonly #out: DestinationStream
  #held = ''
  #octets = 0
  #closed = false

  constructor(out: DestinationStream) {
    this.#out = out
    open.add(this)
  }

  write(line: string): void {
    if (this.#closed) return
    const octets = Buffer.byteLength(line)
    if (this.#octets + octets > MOST_HELD) this.flush()
    if (this.#held === '') setImmediate(() => this.flush())
    this.#held += line
    this.#octets += octets
    if (this.#octets > MOST_HELD) this.flush()
  }

  flush(): void {
    const held = this.#held
    if (held === '') return
    this.#held = ''
    this.#octets = 0
    this.#out.write(held)
  }

  /** What is written afterwards by those who still know this log goes nowhere: its file is closed. */
  close(): void {
    this.flush()
    this.#closed = true
    open.delete(this)
  }
}
