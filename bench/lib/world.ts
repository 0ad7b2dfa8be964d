/**
 * The world as large providers answer it: slowly, and not always yes. What becomes of a message follows from its number, so it is the same on every run: most are
 * taken after a delay, some are put off the first time (greylisting, a busy server), some connections are turned away or cut in the midst of the message, and
 * some messages are refused for good. A message has arrived when it was taken or refused for good. A process of its own (see part.ts).
 */
import { createServer, type Server, type Socket } from 'node:net'
import { NUMBER_FIELD } from './message.js'
import { servePart } from './part.js'
import { fateOf, replyOf } from './world-fates.js'

export interface WorldOrder {
  /** How many ports to listen on: each is a host. */
  readonly hosts: number
}

export interface WorldQuestions {
  readonly ask: WorldOrder
  /** `bouncePort`: takes everything at once, and tells nobody. */
  readonly answer: { readonly ports: readonly number[]; readonly confirmPort: number; readonly bouncePort: number }
}

const END = Buffer.from('\r\n.\r\n')
const HELLO = '250-world.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 0\r\n'
/** Every so manieth connection is told to come again later. */
const TURNED_AWAY_EVERY = 50
const DELAY_MS = [5, 80] as const

const tries = new Map<number, number>()
const listeners = new Set<Socket>()
let connections = 0

class Visit {
  readonly #socket: Socket
  readonly #judges: boolean
  #line = ''
  /** Of the message under way: its start, and its last octets. */
  #start: string | undefined
  #tail = Buffer.alloc(0)

  constructor(socket: Socket, judges: boolean) {
    this.#socket = socket
    this.#judges = judges
    socket.setNoDelay(true)
    socket.on('data', chunk => this.#read(chunk))
    socket.on('error', () => socket.destroy())
    if (judges && ++connections % TURNED_AWAY_EVERY === 0) socket.end('421 4.7.0 too many connections, come again\r\n')
    else socket.write('220 world.test ESMTP\r\n')
  }

  #read(chunk: Buffer): void {
    if (this.#start !== undefined) {
      this.#readContent(chunk)
      return
    }
    const lines = (this.#line + chunk.toString('latin1')).split('\r\n')
    this.#line = lines.pop()!
    if (this.#line.length > 4096) {
      this.#socket.destroy()
      return
    }
    for (const [at, line] of lines.entries()) {
      this.#socket.write(this.#obey(line))
      if (this.#start === undefined) continue
      // What stands behind DATA in the same packet is the message.
      const rest = [...lines.slice(at + 1), this.#line].join('\r\n')
      this.#line = ''
      if (rest !== '') this.#readContent(Buffer.from(rest, 'latin1'))
      return
    }
  }

  #obey(line: string): string {
    const verb = line.slice(0, 4).toUpperCase()
    if (verb === 'EHLO') return HELLO
    if (verb === 'DATA') {
      this.#start = ''
      this.#tail = Buffer.from('\r\n')
      return '354 go on\r\n'
    }
    if (verb === 'QUIT') {
      this.#socket.end()
      return '221 2.0.0 bye\r\n'
    }
    return '250 2.0.0 ok\r\n'
  }

  #readContent(chunk: Buffer): void {
    if (this.#start!.length < 8192) this.#start += chunk.toString('latin1', 0, 8192)
    const joined = Buffer.concat([this.#tail, chunk])
    this.#tail = joined.subarray(-END.length)
    if (!this.#tail.equals(END)) return
    const start = this.#start!
    this.#start = undefined
    if (this.#judges) this.#judge(numberIn(start))
    else this.#socket.write('250 2.0.0 kept nowhere\r\n')
  }

  #judge(number: number | undefined): void {
    if (number === undefined) return void this.#socket.write('250 2.0.0 kept nowhere\r\n')
    const count = (tries.get(number) ?? 0) + 1
    tries.set(number, count)
    const reply = replyOf(fateOf(number), count)
    if (reply === undefined) return void this.#socket.destroy()
    const [least, most] = DELAY_MS
    setTimeout(
      () => {
        if (!this.#socket.writable) return
        this.#socket.write(reply)
        if (!reply.startsWith('4')) confirm(number)
      },
      least + (number % (most - least)),
    )
  }
}

function numberIn(start: string): number | undefined {
  const at = start.indexOf(NUMBER_FIELD)
  return at < 0 ? undefined : Number(start.slice(at + NUMBER_FIELD.length, at + NUMBER_FIELD.length + 10))
}

function confirm(number: number): void {
  tries.delete(number)
  const octets = Buffer.alloc(4)
  octets.writeUInt32LE(number >>> 0)
  for (const listener of listeners) listener.write(octets)
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

servePart<WorldQuestions>(async ({ hosts }) => {
  const judging = (): Server => createServer(socket => void new Visit(socket, true))
  const ports = await Promise.all(Array.from({ length: hosts }, () => listen(judging())))
  const bouncePort = await listen(createServer(socket => void new Visit(socket, false)))
  const confirmPort = await listen(
    createServer({ noDelay: true }, socket => {
      listeners.add(socket)
      socket.on('error', () => socket.destroy()).resume()
      socket.on('close', () => listeners.delete(socket))
    }),
  )
  return { ports, confirmPort, bouncePort }
})
