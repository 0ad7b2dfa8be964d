/** What comes in by a client's connection that may be cut at any moment: what cannot be read any more is thrown as `Gone`. */
import type { Socket } from 'node:net'

export class Gone extends Error {}

/** A server that says nothing for so long is gone, too. */
const PATIENCE_MS = 30_000

export class Incoming {
  #text = ''
  #wake: () => void = () => undefined
  #gone = false

  constructor(socket: Socket) {
    socket.setEncoding('latin1')
    socket.setTimeout(PATIENCE_MS, () => socket.destroy())
    socket.on('data', (text: unknown) => {
      this.#text += text as string
      this.#wake()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#gone = true
      this.#wake()
    })
  }

  get gone(): boolean {
    return this.#gone
  }

  /** The next answer, as soon as all of it is there. `pattern`: of the beginning of what was not read yet. */
  async next(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#text)?.[0]
      if (found !== undefined) {
        this.#text = this.#text.slice(found.length)
        return found
      }
      if (this.#gone) throw new Gone('closed')
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}
