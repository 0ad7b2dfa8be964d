/**
 * Plays the client's side of scripted conversations against any SMTP server and notes the reply codes to each thing the client says,
 * whatever the script expects. Two servers' notes of one script can be laid side by side.
 */
import { connect, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { octetsOf, type Script, type Step } from './conversation.js'

/** What was said in one go, and the codes that came back; `closed` when the server ended the connection then. */
export interface Exchange {
  readonly said: string
  readonly codes: readonly (number | 'closed')[]
}

/** Silence after the expected number of replies, and when fewer came. */
const SETTLED_MS = 100
const MISSING_MS = 1500

export async function exchanges(script: Script, port: number): Promise<readonly Exchange[]> {
  const client = await Client.open(port)
  const done: Exchange[] = []
  try {
    for (const { said, steps, replies } of turns(script.steps)) {
      if (client.isClosed) break
      for (const step of steps) await client.say(step)
      done.push({ said, codes: await client.heard(replies) })
    }
    return done
  } finally {
    client.close()
  }
}

interface Turn {
  readonly said: string
  readonly steps: readonly Step[]
  /** How many whole replies the script expects. */
  readonly replies: number
}

function turns(steps: readonly Step[]): readonly Turn[] {
  const all: { said: string; steps: Step[]; replies: number }[] = []
  let last: Step['kind'] | undefined
  for (const step of steps) {
    if (step.kind === 'expect') {
      if (all.length === 0) all.push({ said: '(connects)', steps: [], replies: 0 })
      if (/^(?:\d{3} |\/|<closed>)/.test(step.text)) all.at(-1)!.replies += 1
    } else {
      if (last === 'expect' || last === undefined) all.push({ said: '', steps: [], replies: 0 })
      const turn = all.at(-1)!
      turn.said += `${turn.said === '' ? '' : ' ⏎ '}${step.text}`
      turn.steps.push(step)
    }
    last = step.kind
  }
  return all
}

class Client {
  #socket: Socket
  #text = ''
  #codes: (number | 'closed')[] = []
  isClosed = false
  #changedAt = Date.now()

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#listen()
  }

  static async open(port: number): Promise<Client> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const client = new Client(socket)
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return client
  }

  async say({ kind, text }: Step): Promise<void> {
    if (text === '<starttls>') return this.#startTls()
    if (text === '<close>') return this.close()
    if (text === '<half-close>') return void this.#socket.end()
    if (text !== '<open>' && this.#socket.writable)
      this.#socket.write(kind === 'raw' ? octetsOf(text) : Buffer.from(`${text}\r\n`))
  }

  async heard(replies: number): Promise<readonly (number | 'closed')[]> {
    this.#changedAt = Date.now()
    for (;;) {
      const wait = this.#codes.length >= replies ? SETTLED_MS : MISSING_MS
      if ((this.isClosed && this.#codes.length > 0) || Date.now() - this.#changedAt >= wait) break
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    const codes = this.#codes
    this.#codes = []
    return codes
  }

  close(): void {
    this.#socket.destroy()
  }

  async #startTls(): Promise<void> {
    this.#socket.removeAllListeners('data').removeAllListeners('end').removeAllListeners('close')
    const secure = tlsConnect({ socket: this.#socket, rejectUnauthorized: false })
    this.#socket = secure
    this.#listen()
    await new Promise(resolve => secure.once('secureConnect', resolve).once('close', resolve))
  }

  #listen(): void {
    const end = () => {
      if (!this.isClosed) this.#codes.push('closed')
      this.isClosed = true
    }
    this.#socket
      .on('error', end)
      .on('end', end)
      .on('close', end)
      .on('data', (chunk: Buffer) => {
        this.#changedAt = Date.now()
        const lines = (this.#text + chunk.toString('latin1')).split('\r\n')
        this.#text = lines.pop()!
        for (const line of lines) if (/^\d{3}(?: |$)/.test(line)) this.#codes.push(Number(line.slice(0, 3)))
      })
  }
}
