/**
 * Clients that hand mail in while the server is killed under them, and remember of every recipient what they heard. They behave as mail
 * servers do: what was put off, and what nobody answered, is handed in again under the same Message-ID.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Gone } from './incoming.js'
import { bytesOf, type Chance, chanceOf, type Letter, letterOf, stuffed, type Way } from './letters.js'
import { Stranger, Talk } from './talk.js'

/** What the clients know of one recipient of a letter. */
export interface Heard {
  readonly letter: Letter
  readonly address: string
  accepted: boolean
  /** How often all of the mail was sent and no answer came. */
  unanswered: number
  /** How often it was put off or refused. */
  refused: number
}

export interface LoadOptions {
  readonly seed: number
  readonly ports: { readonly mx: number; readonly lmtp: number }
  readonly users: readonly string[]
  /** By which the server greets: while it is down another test's may get its port, and would say 250 for mail that is then not ours. */
  readonly name: string
}

/** What each client does. */
const CLIENTS: readonly Way[] = ['data', 'data', 'bdat', 'data', 'lmtp', 'bdat']
const MAX_ATTEMPTS = 5000
const CHUNK = 32 * 1024
/** Of the attempts, those in which the client itself goes away in the middle. */
const FAINT = 0.03

export class Load {
  readonly heard: Heard[] = []
  readonly letters = new Map<number, Letter>()
  /** Recipients so far. */
  acknowledged = 0
  /** Attempts that broke off before all of the mail was sent. */
  broken = 0
  /** Connections that another server answered. */
  strangers = 0
  readonly #options: LoadOptions
  readonly #clients: Promise<void>[]
  #numbers = 0
  #stopping = false

  constructor(options: LoadOptions) {
    this.#options = options
    this.#clients = CLIENTS.map((way, at) => this.#client(way, chanceOf(options.seed * 1000 + at)))
  }

  /** Resolves when every letter that was begun has its answers. */
  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#clients)
  }

  async #client(way: Way, chance: Chance): Promise<void> {
    const { ports, name } = this.#options
    const line = new Line(way, way === 'lmtp' ? ports.lmtp : ports.mx, name)
    while (!this.#stopping) {
      const letter = letterOf(++this.#numbers, way, this.#options.users, chance)
      this.letters.set(letter.n, letter)
      const heard = letter.recipients.map(
        ({ address }): Heard => ({ letter, address, accepted: false, unanswered: 0, refused: 0 }),
      )
      this.heard.push(...heard)
      await this.#carry(line, letter, heard, chance)
    }
    line.drop()
  }

  async #carry(line: Line, letter: Letter, heard: readonly Heard[], chance: Chance): Promise<void> {
    const bytes = bytesOf(letter)
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const rest = heard.filter(({ accepted }) => !accepted)
      if (rest.length === 0) return
      const faint = chance() < FAINT
      if (attempt > 0) await sleep(20 + chance() * 200)
      try {
        const answers = await line.hand(letter, bytes, rest, faint)
        for (const [at, one] of rest.entries()) this.#note(one, answers[at]!)
      } catch (error) {
        if (!(error instanceof Gone)) throw error
        line.drop()
        this.broken++
        if (error instanceof Stranger) this.strangers++
      }
    }
    throw new Error(`letter ${letter.n} found no answer in ${MAX_ATTEMPTS} attempts`)
  }

  #note(one: Heard, answer: Answer): void {
    if (answer === 'accepted') {
      one.accepted = true
      this.acknowledged++
    } else if (answer === 'unanswered') one.unanswered++
    else one.refused++
  }
}

type Answer = 'accepted' | 'unanswered' | 'refused'

/** One client's connection; it lasts as long as it can. */
class Line {
  readonly #way: Way
  readonly #port: number
  readonly #name: string
  #talk: Talk | undefined

  constructor(way: Way, port: number, name: string) {
    this.#way = way
    this.#port = port
    this.#name = name
  }

  drop(): void {
    this.#talk?.cut()
    this.#talk = undefined
  }

  /** What became of each recipient. Throws `Gone` when the mail cannot have been taken. */
  async hand(letter: Letter, bytes: Buffer, rest: readonly Heard[], faint: boolean): Promise<readonly Answer[]> {
    this.#talk ??= await Talk.open(this.#port, this.#way === 'lmtp' ? 'LHLO' : 'EHLO', this.#name)
    const talk = this.#talk
    const taken = await envelope(talk, letter, rest)
    const answers = taken.map((is): Answer => (is ? 'unanswered' : 'refused'))
    if (!taken.includes(true)) {
      await talk.ask('RSET')
      return answers
    }
    const last = await this.#content(talk, bytes, faint)
    if (last === undefined) {
      await talk.ask('RSET')
      return answers.map(() => 'refused')
    }
    try {
      await talk.send(last)
      let code: number | undefined
      for (const at of answers.keys()) {
        if (!taken[at]) continue
        // RFC 2033 §4.2: LMTP answers for each recipient.
        code = code === undefined || this.#way === 'lmtp' ? await talk.reply() : code
        answers[at] = code === 250 ? 'accepted' : 'refused'
      }
    } catch (error) {
      if (!(error instanceof Gone)) throw error
      this.drop()
    }
    return answers
  }

  /** Sends all but what makes the message complete, which is returned; `undefined` when it was refused before. */
  async #content(talk: Talk, bytes: Buffer, faint: boolean): Promise<Buffer | undefined> {
    if (this.#way === 'bdat') return this.#chunks(talk, bytes, faint)
    if ((await talk.ask('DATA')) !== 354) return undefined
    const all = stuffed(bytes)
    const half = Math.floor(all.length / 2)
    await talk.send(all.subarray(0, half))
    if (faint) throw new Gone('the client went away')
    return all.subarray(half)
  }

  async #chunks(talk: Talk, bytes: Buffer, faint: boolean): Promise<Buffer | undefined> {
    let at = 0
    for (; at + CHUNK < bytes.length; at += CHUNK) {
      await talk.send(`BDAT ${CHUNK}\r\n`)
      await talk.send(bytes.subarray(at, at + CHUNK))
      if ((await talk.reply()) !== 250) return undefined
    }
    if (faint) throw new Gone('the client went away')
    return Buffer.concat([Buffer.from(`BDAT ${bytes.length - at} LAST\r\n`), bytes.subarray(at)])
  }
}

/** Which recipients were taken. */
async function envelope(talk: Talk, { n, sender, notify }: Letter, rest: readonly Heard[]): Promise<boolean[]> {
  const wish = notify ? ' NOTIFY=SUCCESS,FAILURE' : ''
  const commands = [
    `MAIL FROM:<${sender}>${notify ? ` RET=HDRS ENVID=letter${n}` : ''}`,
    ...rest.map(({ address }) => `RCPT TO:<${address}>${wish}`),
  ]
  await talk.send(`${commands.join('\r\n')}\r\n`)
  const mail = await talk.reply()
  const taken: boolean[] = []
  for (const _ of rest) taken.push((await talk.reply()) === 250 && mail === 250)
  return taken
}
