/**
 * The world: a mail server that often has trouble, and knows of every message which recipients it took and when. It refuses addresses
 * that begin with `nobody`.
 */
import type { SinkAnswer, Stage } from '../harness/sink-script.js'
import { type SinkMessage, SmtpSink } from '../harness/smtp-sink.js'
import { type Chance, chanceOf, ID } from './letters.js'

export interface Arrival {
  readonly n: number
  readonly address: string
  readonly at: number
}

export class Receiver {
  readonly arrivals: Arrival[] = []
  /** Messages whose octets were not those that were sent, or that nobody sent. */
  readonly damaged: string[] = []
  readonly #sink: SmtpSink
  readonly #same: (n: number, bytes: Buffer) => boolean

  /** `same`: whether a message ends with the octets of letter `n`. */
  constructor(seed: number, same: (n: number, bytes: Buffer) => boolean) {
    this.#same = same
    const chance = chanceOf(seed)
    this.#sink = new SmtpSink({
      // By BDAT until it has trouble with that, by DATA then.
      keywords: ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', 'SIZE 52428800', 'CHUNKING'],
      script: (stage, argument) => refusal(stage, argument) ?? trouble(stage, chance),
      taken: message => this.#take(message),
    })
  }

  async start(): Promise<number> {
    await this.#sink.start()
    return this.#sink.port
  }

  /** From now on it has no trouble any more. */
  behave(): void {
    this.#sink.options = { ...this.#sink.options, script: refusal }
  }

  stop(): Promise<void> {
    return this.#sink.stop()
  }

  #take({ data, recipients }: SinkMessage): void {
    const head = data.subarray(0, 16 * 1024).toString('latin1')
    const n = Number(ID.exec(head)?.[1] ?? -1)
    if (!this.#same(n, data)) this.damaged.push(`letter ${n} at the remote server`)
    for (const address of recipients) this.arrivals.push({ n, address, at: Date.now() })
  }
}

function refusal(stage: Stage, argument: string): SinkAnswer {
  return stage === 'rcpt' && /<nobody/i.test(argument) ? '550 5.1.1 no such person' : undefined
}

function trouble(stage: Stage, chance: Chance): SinkAnswer {
  const dice = chance()
  switch (stage) {
    case 'connect':
      return dice < 0.03 ? { kind: 'drop', reply: '421 4.3.2 busy' } : undefined
    case 'mail':
      return dice < 0.03 ? '451 4.3.0 not now' : undefined
    case 'rcpt':
      return dice < 0.03 ? '452 4.2.2 no room' : undefined
    case 'data':
      return dice < 0.02 ? { kind: 'drop' } : undefined
    case 'end':
      if (dice < 0.03) return '451 4.3.0 not now'
      if (dice < 0.05) return { kind: 'drop' }
      // so that many deliveries are under way when a kill comes
      return dice < 0.35 ? { kind: 'late', ms: Math.floor(chance() * 300) } : undefined
    default:
      return undefined
  }
}
