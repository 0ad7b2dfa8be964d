/**
 * Where relayed mail goes: an SMTP server that takes everything, keeps nothing, and tells the source which message has arrived.
 * As a tarpit it accepts connections and never greets, so that what is queued stays queued. A process of its own (see part.ts).
 */
import { createServer, type Server, type Socket } from 'node:net'
import { NUMBER_FIELD } from './message.js'
import { servePart } from './part.js'

export interface SinkOrder {
  readonly kind: 'open'
  readonly tarpit: boolean
  /** How many ports to listen on: each is a lane of the server's queue. */
  readonly lanes: number
}

export interface SinkQuestions {
  readonly ask: SinkOrder
  readonly answer: { readonly ports: readonly number[]; readonly confirmPort: number }
}

const END = Buffer.from('\r\n.\r\n')
const listeners = new Set<Socket>()

class Visit {
  readonly #socket: Socket
  #line = ''
  /** The last octets and the start of the message under way. */
  #tail: Buffer | undefined
  #start = ''

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', chunk => this.#read(chunk))
    socket.on('error', () => socket.destroy())
    socket.write('220 sink.test ESMTP\r\n')
  }

  #read(chunk: Buffer): void {
    let rest: Buffer | undefined = chunk
    let replies = ''
    while (rest !== undefined && rest.length > 0) {
      if (this.#tail !== undefined) {
        rest = this.#readContent(rest)
        if (rest !== undefined) replies += '250 2.0.0 kept nowhere\r\n'
      } else {
        const end: number = rest.indexOf(10)
        this.#line += rest.toString('latin1', 0, end < 0 ? rest.length : end)
        if (this.#line.length > 4096) return void this.#socket.destroy()
        if (end < 0) break
        replies += this.#obey(this.#line)
        this.#line = ''
        rest = rest.subarray(end + 1)
      }
    }
    if (replies !== '') this.#socket.write(replies)
  }

  #obey(line: string): string {
    const verb = line.slice(0, 4).toUpperCase()
    if (verb === 'EHLO') return '250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 0\r\n'
    if (verb === 'DATA') {
      // The line end of DATA counts: an empty message is a dot alone.
      this.#tail = Buffer.from('\r\n')
      this.#start = ''
      return '354 go on\r\n'
    }
    if (verb === 'QUIT') {
      this.#socket.end('221 2.0.0 bye\r\n')
      return ''
    }
    return '250 2.0.0 ok\r\n'
  }

  /** What follows the message, or `undefined` when it goes on. */
  #readContent(chunk: Buffer): Buffer | undefined {
    const joined = Buffer.concat([this.#tail!, chunk])
    const end = joined.indexOf(END)
    if (this.#start.length < 8192) this.#start += chunk.toString('latin1', 0, 8192)
    if (end < 0) {
      this.#tail = Buffer.from(joined.subarray(-4))
      return undefined
    }
    this.#tail = undefined
    announce(this.#start)
    return joined.subarray(end + END.length)
  }
}

function announce(start: string): void {
  const at = start.indexOf(NUMBER_FIELD)
  if (at < 0) return
  const number = Buffer.alloc(4)
  number.writeUInt32LE(Number(start.slice(at + NUMBER_FIELD.length, at + NUMBER_FIELD.length + 10)) >>> 0)
  for (const listener of listeners) listener.write(number)
}

async function open({ tarpit, lanes }: SinkOrder): Promise<SinkQuestions['answer']> {
  const serve = (socket: Socket): void => {
    if (tarpit) socket.on('error', () => socket.destroy()).resume()
    else new Visit(socket)
  }
  const ports = await Promise.all(Array.from({ length: lanes }, () => listen(createServer(serve))))
  const confirmPort = await listen(
    createServer({ noDelay: true }, socket => {
      listeners.add(socket)
      socket.on('error', () => socket.destroy()).resume()
      socket.on('close', () => listeners.delete(socket))
    }),
  )
  return { ports, confirmPort }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}

servePart<SinkQuestions>(open)
