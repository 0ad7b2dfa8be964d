/** Questions by TCP (RFC 7766): two octets of length, then the question; answered one after the other. A connection is bounded in every way. */
import type { Connection } from 'posthouse/api'
import type { ZoneServer } from './server.js'

/** No question needs more. */
const MAX_QUESTION = 4096
const MAX_QUESTIONS = 1000
const IDLE_MS = 10_000
const LIFE_MS = 120_000

/** Cuts octets into questions. */
export class QuestionCutter {
  #left: Buffer = Buffer.alloc(0)

  /** `undefined`: longer than any question. */
  push(octets: Buffer): readonly Buffer[] | undefined {
    this.#left = this.#left.length === 0 ? octets : Buffer.concat([this.#left, octets])
    const found: Buffer[] = []
    while (this.#left.length >= 2) {
      const length = this.#left.readUInt16BE(0)
      if (length > MAX_QUESTION) return undefined
      if (this.#left.length < 2 + length) break
      found.push(this.#left.subarray(2, 2 + length))
      this.#left = this.#left.subarray(2 + length)
    }
    return found
  }
}

/** Resolves when the connection is over. */
export async function serveByTcp(connection: Connection, server: ZoneServer): Promise<void> {
  const { socket, peer, signal } = connection
  const cut = (): void => void socket.destroy()
  socket.setTimeout(connection.patience(IDLE_MS), cut)
  const life = setTimeout(cut, LIFE_MS)
  signal.addEventListener('abort', cut, { once: true })
  try {
    const cutter = new QuestionCutter()
    let count = 0
    for await (const octets of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      const questions = cutter.push(octets)
      if (questions === undefined) return
      for (const question of questions) {
        if (++count > MAX_QUESTIONS) return
        const reply = await server.answer(question, peer.remote.address, 'tcp')
        if (reply === undefined) return
        await written(connection, reply)
      }
    }
  } catch (error) {
    // Gone, or cut by us: there is nobody to tell.
    if (!socket.destroyed) throw error
  } finally {
    clearTimeout(life)
    signal.removeEventListener('abort', cut)
  }
}

/** Waits while the asker does not read. */
function written({ socket }: Connection, reply: Buffer): Promise<void> {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(reply.length, 0)
  return new Promise((resolve, reject) => {
    socket.write(Buffer.concat([length, reply]), error => (error ? reject(error) : resolve()))
  })
}
