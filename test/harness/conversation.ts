/**
 * Runs scripted conversations over real sockets: for SMTP, POP3, IMAP and anything else that speaks in lines.
 *
 * A script holds conversations, each with connections of its own; `=== title` begins one. Lines:
 *   C: text            the client says text and CRLF             (C2: … is the second client; a client connects when first named)
 *   C> text            the same without CRLF; \r \n \t \0 \\ \xHH are read, %{1000*ab} repeats
 *   S: text            the server says exactly this line
 *   S: text…           a line that begins so (`S: …` is any line)
 *   S: /regex/flags    a line that matches; named groups become variables
 *   S: <any>           any number of lines, until the next expectation is met
 *   S: <closed>        the server ends the connection
 *   S: <silence 50>    nothing comes for 50 ms
 *   C: <starttls>      the client starts TLS here                (also C: <close>, C: <half-close>, C: <open> without saying anything)
 *   # comment          empty lines and comments are skipped
 * `${name}` is replaced by a variable, in both directions.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type TLSSocket, connect as tlsConnect } from 'node:tls'

export interface Step {
  readonly line: number
  readonly who: number
  readonly kind: 'say' | 'raw' | 'expect'
  readonly text: string
}

export interface Script {
  readonly title: string
  readonly file: string
  readonly steps: readonly Step[]
}

export interface RunOptions {
  readonly host?: string
  readonly port: number
  /** The connection begins with TLS. */
  readonly implicitTls?: boolean
  /** For each expectation; a minute when nothing is said. */
  readonly timeoutMs?: number
  readonly variables?: Readonly<Record<string, string>>
  /** Told of each `C: <reached NAME>`, when all before it has been said. */
  reached?(name: string): void
}

const LINE_MS = 60_000

const STEP = /^([CS])([1-9]?)([:>]) ?(.*)$/

export function parseScripts(text: string, file: string): readonly Script[] {
  const scripts: { title: string; file: string; steps: Step[] }[] = []
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.startsWith('===')) scripts.push({ title: line.slice(3).trim(), file, steps: [] })
    else if (line.trim() !== '' && !line.startsWith('#')) {
      const step = readStep(line, i + 1, file)
      if (scripts.length === 0) scripts.push({ title: file, file, steps: [] })
      scripts.at(-1)!.steps.push(step)
    }
  }
  return scripts
}

function readStep(text: string, line: number, file: string): Step {
  const [, side, number, mark, rest] = STEP.exec(text) ?? []
  if (side === undefined || (side === 'S' && mark === '>')) throw new Error(`${file}:${line}: not a step: ${text}`)
  const kind = side === 'S' ? 'expect' : mark === '>' ? 'raw' : 'say'
  return { line, who: Number(number || '1'), kind, text: rest! }
}

/** Resolves when the conversation went as written; throws with file:line, what was expected and what came. */
export async function runScript(script: Script, options: RunOptions): Promise<void> {
  await new Run(script, options).run()
}

class Run {
  readonly #script: Script
  readonly #options: RunOptions
  readonly #clients = new Map<number, Client>()
  readonly #variables: Map<string, string>
  readonly #transcript: string[] = []

  constructor(script: Script, options: RunOptions) {
    this.#script = script
    this.#options = options
    this.#variables = new Map(Object.entries(options.variables ?? {}))
  }

  async run(): Promise<void> {
    try {
      for (const [i, step] of this.#script.steps.entries()) {
        try {
          await this.#do(step, this.#script.steps[i + 1])
        } catch (error) {
          const said = error instanceof Error ? error.message : String(error)
          const before = this.#transcript.slice(-20).join('\n    ')
          throw new Error(`${this.#script.file}:${step.line}: ${said}\n  after:\n    ${before}`)
        }
      }
    } finally {
      for (const client of this.#clients.values()) client.close()
    }
  }

  async #do(step: Step, next: Step | undefined): Promise<void> {
    const client = await this.#client(step.who)
    const text = step.text.replace(/\$\{(\w+)\}/g, (whole, name: string) => this.#variables.get(name) ?? whole)
    if (step.kind === 'expect') return this.#expect(client, step.who, text, next)
    this.#transcript.push(`C${step.who}: ${text.slice(0, 200)}`)
    if (step.kind === 'raw') return client.write(octetsOf(text))
    switch (text) {
      case '<open>':
        return undefined
      case '<starttls>':
        return client.startTls()
      case '<close>':
        return client.close()
      case '<half-close>':
        return client.halfClose()
      default: {
        const place = /^<reached (\w+)>$/.exec(text)?.[1]
        if (place !== undefined) return this.#options.reached?.(place)
        return client.write(Buffer.from(`${text}\r\n`))
      }
    }
  }

  async #expect(client: Client, who: number, text: string, next: Step | undefined): Promise<void> {
    const silence = /^<silence (\d+)>$/.exec(text)
    if (silence !== null) {
      await sleep(Number(silence[1]))
      const line = client.peek()
      if (line !== undefined) throw new Error(`expected silence, the server said: ${line}`)
      return
    }
    if (text === '<any>') return this.#skip(client, who, next)
    const line = await this.#read(client, who)
    if (text === '<closed>') {
      if (line !== undefined) throw new Error(`expected the end of the connection, the server said: ${line}`)
      return
    }
    if (line === undefined) throw new Error(`expected: ${text}\n  but the server closed the connection`)
    if (!this.#matches(line, text)) throw new Error(`expected: ${text}\n  but got:  ${line}`)
  }

  async #skip(client: Client, who: number, next: Step | undefined): Promise<void> {
    if (next?.kind !== 'expect') throw new Error('<any> needs an expectation after it')
    while (true) {
      const line = await client.next(this.#options.timeoutMs ?? LINE_MS)
      if (line === undefined || this.#matches(line, next.text)) {
        client.unread(line)
        return
      }
      this.#transcript.push(`S${who}: ${line}`)
    }
  }

  async #read(client: Client, who: number): Promise<string | undefined> {
    const line = await client.next(this.#options.timeoutMs ?? LINE_MS)
    this.#transcript.push(`S${who}: ${line ?? '<closed>'}`)
    return line
  }

  #matches(line: string, wanted: string): boolean {
    const regex = /^\/(.*)\/([a-z]*)$/.exec(wanted)
    if (regex !== null) {
      const found = new RegExp(regex[1]!, regex[2]).exec(line)
      for (const [name, value] of Object.entries(found?.groups ?? {})) this.#variables.set(name, value ?? '')
      return found !== null
    }
    return wanted.endsWith('…') ? line.startsWith(wanted.slice(0, -1)) : line === wanted
  }

  async #client(who: number): Promise<Client> {
    const known = this.#clients.get(who)
    if (known !== undefined) return known
    const client = await Client.open(this.#options)
    this.#clients.set(who, client)
    return client
  }
}

/** One connection: lines as they come, and a wait for the next one. */
class Client {
  #socket: Socket
  #input = ''
  readonly #lines: (string | undefined)[] = []
  #wake: (() => void) | undefined
  #ended = false

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#listen(socket)
  }

  static async open({ host = '127.0.0.1', port, implicitTls }: RunOptions): Promise<Client> {
    // A self-signed certificate is all a test server has.
    const socket = implicitTls
      ? tlsConnect({ host, port, rejectUnauthorized: false })
      : connect({ host, port, allowHalfOpen: true, noDelay: true })
    await new Promise<void>((resolve, reject) => {
      socket.once(implicitTls ? 'secureConnect' : 'connect', resolve)
      socket.once('error', reject)
    })
    return new Client(socket)
  }

  async write(octets: Buffer): Promise<void> {
    await new Promise<void>(resolve => {
      this.#socket.write(octets, () => resolve())
    })
  }

  async startTls(): Promise<void> {
    const clear = this.#socket
    clear.removeAllListeners('data')
    clear.removeAllListeners('end')
    const secure: TLSSocket = tlsConnect({ socket: clear, rejectUnauthorized: false })
    await new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve)
      secure.once('error', reject)
      secure.once('close', () => reject(new Error('closed during the handshake')))
    })
    this.#socket = secure
    this.#listen(secure)
  }

  close(): void {
    this.#socket.destroy()
  }

  halfClose(): void {
    this.#socket.end()
  }

  peek(): string | undefined {
    return this.#lines[0]
  }

  unread(line: string | undefined): void {
    this.#lines.unshift(line)
  }

  /** `undefined` is the end of the connection. */
  async next(timeoutMs: number): Promise<string | undefined> {
    const until = Date.now() + timeoutMs
    while (this.#lines.length === 0) {
      if (this.#ended) return undefined
      const left = until - Date.now()
      if (left <= 0)
        throw new Error(`nothing came within ${timeoutMs} ms${this.#input === '' ? '' : `, but: ${this.#input}`}`)
      await this.#something(left)
    }
    return this.#lines.shift()
  }

  #something(withinMs: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, withinMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #listen(socket: Socket): void {
    const end = () => {
      this.#ended = true
      this.#wake?.()
    }
    socket.on('error', end)
    socket.on('end', end)
    socket.on('close', end)
    socket.on('data', (chunk: Buffer) => {
      const lines = (this.#input + chunk.toString('utf8')).split('\r\n')
      this.#input = lines.pop()!
      this.#lines.push(...lines)
      this.#wake?.()
    })
  }
}

const ESCAPES = new Map([
  ['r', '\r'],
  ['n', '\n'],
  ['t', '\t'],
  ['0', '\0'],
  ['\\', '\\'],
])

/** Octets of a `C>` line: \xHH stands for an octet, everything else for its UTF-8. */
export function octetsOf(text: string): Buffer {
  const repeated = text.replace(/%\{(\d+)\*([^}]*)\}/g, (_all, times: string, what: string) =>
    what.repeat(Number(times)),
  )
  const parts = repeated.split(/(\\x[0-9A-Fa-f]{2})/)
  return Buffer.concat(
    parts.map(part =>
      part.startsWith('\\x') && part.length === 4
        ? Buffer.from([Number.parseInt(part.slice(2), 16)])
        : Buffer.from(part.replace(/\\([rnt0\\])/g, (_all, key: string) => ESCAPES.get(key)!)),
    ),
  )
}
