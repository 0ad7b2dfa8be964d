/**
 * The yardstick: the least that does the same promise, measured next to ours in the same run. A process of its own (see part.ts).
 * `file`: each message in its own file, file and folder fsynced before the 250. `relay`: that, then sent on over kept connections and
 * removed. `replay`: an IMAP-like server that streams recorded answers. No plugins, no checks, no log: not a mail server.
 */
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { servePart } from './part.js'
import { SmtpSession } from './smtp-client.js'

export type ReferenceOrder =
  | { readonly kind: 'file'; readonly folder: string }
  | {
      readonly kind: 'relay'
      readonly folder: string
      readonly sinkPorts: readonly number[]
      readonly connections: number
    }
  | { readonly kind: 'replay'; readonly recordings: readonly ReadonlyMap<string, string>[] }

export interface ReferenceQuestions {
  readonly ask: ReferenceOrder
  /** One port; with `replay` one for each set of recordings. */
  readonly answer: { readonly ports: readonly number[] }
}

const END = Buffer.from('\r\n.\r\n')

/** Writes a message durably; resolves to its path. */
class Folder {
  readonly #path: string
  #next = 1

  constructor(path: string) {
    this.#path = path
  }

  async keep(content: Buffer): Promise<string> {
    const path = join(this.#path, `${this.#next++}.eml`)
    const file = await open(path, 'wx')
    await file.writeFile(content)
    await file.sync()
    await file.close()
    // The name is durable only when the folder is.
    const folder = await open(this.#path, 'r')
    await folder.sync()
    await folder.close()
    return path
  }
}

/** Takes one connection's mail, one message at a time, commands pipelined or not. */
class Visit {
  readonly #socket: Socket
  readonly #take: (content: Buffer) => Promise<void>
  #buffered = Buffer.alloc(0)
  #content: Buffer[] | undefined
  #busy = false

  constructor(socket: Socket, take: (content: Buffer) => Promise<void>) {
    this.#socket = socket
    this.#take = take
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('data', chunk => {
      if (this.#content !== undefined) this.#content.push(chunk)
      else this.#buffered = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk])
      this.#next()
    })
    socket.write('220 reference.test ESMTP\r\n')
  }

  #next(): void {
    let replies = ''
    while (!this.#busy) {
      if (this.#content !== undefined) {
        if (!this.#readContent()) break
        continue
      }
      const end = this.#buffered.indexOf(10)
      if (end < 0) break
      const line = this.#buffered.toString('latin1', 0, end).trimEnd()
      this.#buffered = this.#buffered.subarray(end + 1)
      replies += this.#obey(line)
    }
    if (replies !== '' && this.#socket.writable) this.#socket.write(replies)
  }

  #obey(line: string): string {
    const verb = line.slice(0, 4).toUpperCase()
    if (verb === 'EHLO') return '250-reference.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n'
    if (verb === 'DATA') {
      this.#content = [this.#buffered]
      this.#buffered = Buffer.alloc(0)
      return '354 go on\r\n'
    }
    if (verb === 'QUIT') {
      this.#socket.end('221 bye\r\n')
      return ''
    }
    return '250 ok\r\n'
  }

  /** The source sends nothing after the closing dot before its 250, so the end is the end of what has come. */
  #readContent(): boolean {
    const last = this.#content!.at(-1)!
    if (last.length < END.length || last.compare(END, 0, END.length, last.length - END.length) !== 0) {
      if (last.length >= END.length || !this.#endsAcross()) return false
    }
    const content = Buffer.concat([Buffer.from('Received: by reference.test\r\n'), ...this.#content!])
    this.#content = undefined
    this.#busy = true
    this.#take(content.subarray(0, content.length - 3)).then(
      () => this.#answer('250 kept\r\n'),
      error => this.#answer(`451 ${(error as Error).message}\r\n`),
    )
    return true
  }

  #endsAcross(): boolean {
    const whole = Buffer.concat(this.#content!.slice(-6))
    this.#content = [...this.#content!.slice(0, -6), whole]
    return whole.length >= END.length && whole.compare(END, 0, END.length, whole.length - END.length) === 0
  }

  #answer(reply: string): void {
    this.#busy = false
    if (this.#socket.writable) this.#socket.write(reply)
    this.#next()
  }
}

interface Waiting {
  readonly content: Buffer
  readonly done: () => void
}

/** Sends on over a fixed number of kept connections. */
class Courier {
  readonly #ports: readonly number[]
  readonly #idle: SmtpSession[] = []
  readonly #line: Waiting[] = []
  readonly #busy = new Map<SmtpSession, Waiting>()

  constructor(ports: readonly number[], connections: number) {
    this.#ports = ports
    for (let i = 0; i < connections; i++) this.#connect(i)
  }

  send(content: Buffer): Promise<void> {
    return new Promise(done => {
      this.#line.push({ content, done })
      this.#next()
    })
  }

  #connect(index: number): void {
    const session = new SmtpSession(this.#ports[index % this.#ports.length]!, {
      ready: () => this.#free(session),
      accepted: () => {
        this.#busy.get(session)?.done()
        this.#busy.delete(session)
        this.#free(session)
      },
      // The sink never refuses; a lost message shows as unfinished at the source.
      ended: () => this.#busy.delete(session),
    })
  }

  #free(session: SmtpSession): void {
    this.#idle.push(session)
    this.#next()
  }

  #next(): void {
    while (this.#idle.length > 0 && this.#line.length > 0) {
      const session = this.#idle.pop()!
      const waiting = this.#line.shift()!
      this.#busy.set(session, waiting)
      session.send({
        sender: 'sender@source.test',
        recipient: 'reader@d0.sink.test',
        parts: [waiting.content, '.\r\n'],
      })
    }
  }
}

async function start(order: ReferenceOrder): Promise<ReferenceQuestions['answer']> {
  if (order.kind === 'replay') return { ports: await Promise.all(order.recordings.map(replay)) }
  await mkdir(order.folder, { recursive: true })
  const folder = new Folder(order.folder)
  const courier = order.kind === 'relay' ? new Courier(order.sinkPorts, order.connections) : undefined
  const take = async (content: Buffer): Promise<void> => {
    const path = await folder.keep(content)
    if (courier !== undefined) void courier.send(content).then(() => rm(path))
  }
  return { ports: [await listen(socket => new Visit(socket, take))] }
}

/** Answers each known command (the line without its tag) with the recorded octets. */
async function replay(recordings: ReadonlyMap<string, string>): Promise<number> {
  const answers = new Map<string, Buffer>()
  for (const [command, path] of recordings) answers.set(command, await readFile(path))
  return listen(socket => {
    let partial = ''
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('data', chunk => {
      const lines = (partial + chunk.toString('latin1')).split('\r\n')
      partial = lines.pop() ?? ''
      for (const line of lines) {
        const space = line.indexOf(' ')
        const recorded = answers.get(line.slice(space + 1))
        if (recorded !== undefined) socket.write(recorded)
        socket.write(`${line.slice(0, space)} OK done\r\n`)
      }
    })
    socket.write('* OK reference.test\r\n')
  })
}

function listen(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer(serve)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}

servePart<ReferenceQuestions>(start)
