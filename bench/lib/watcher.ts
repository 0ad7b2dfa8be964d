/**
 * The whole path as two people see it: one sends by SMTP, the other's mail program idles. Pairs of them, each with a mailbox of its own; the next message
 * goes when the last one was seen. A latency is from the closing dot (written) to EXISTS (read). A process of its own (see part.ts).
 */
import type { Load } from './figures.js'
import { ImapSession } from './imap-client.js'
import { Messages } from './message.js'
import { servePart } from './part.js'
import { SmtpSession } from './smtp-client.js'

export interface WatcherOrder {
  readonly smtp: number
  readonly imap: number
  /** A pair for each. */
  readonly logins: readonly string[]
  readonly password: string
  readonly size: number
  readonly seconds: number
}

export interface WatcherQuestions {
  readonly ask: WatcherOrder
  readonly answer: Load
}

const GIVE_UP_MS = 30_000
const runId = `${process.pid}.${Date.now().toString(36)}`
let nextNumber = 1

class Pair {
  readonly #login: string
  readonly #messages: Messages
  readonly #latencies: number[]
  #imap!: ImapSession
  #smtp!: SmtpSession
  #sentMs = 0
  #accepted: () => void = () => undefined
  #failed: (why: string) => void = () => undefined

  constructor(login: string, messages: Messages, latencies: number[]) {
    this.#login = login
    this.#messages = messages
    this.#latencies = latencies
  }

  async open({ smtp, imap, password }: WatcherOrder): Promise<void> {
    this.#imap = await ImapSession.open(imap)
    await this.#imap.run(`LOGIN "${this.#login}" "${password}"`)
    await this.#imap.run('SELECT INBOX')
    await this.#imap.attempt('IDLE', { continues: true })
    await new Promise<void>((ready, fail) => {
      this.#failed = why => fail(new Error(why))
      this.#smtp = new SmtpSession(smtp, {
        ready,
        sent: () => {
          this.#sentMs = performance.now()
        },
        accepted: () => this.#accepted(),
        ended: trouble => trouble !== undefined && this.#failed(trouble),
      })
    })
  }

  async until(endMs: number): Promise<void> {
    while (performance.now() < endMs) await this.#one()
  }

  /** Over when both are: the 250 and EXISTS may come in either order. */
  async #one(): Promise<void> {
    const number = nextNumber++
    await new Promise<void>((done, fail) => {
      let waitsFor = 2
      const heard = (): void => {
        waitsFor -= 1
        if (waitsFor === 0) done()
      }
      this.#failed = why => fail(new Error(why))
      this.#accepted = heard
      this.#imap.exists = () => {
        this.#latencies.push(performance.now() - this.#sentMs)
        this.#imap.exists = () => undefined
        heard()
      }
      this.#smtp.send({
        sender: 'sender@source.test',
        recipient: this.#login,
        parts: [this.#messages.head(number), this.#messages.tail(number)],
      })
    })
  }

  close(why?: string): void {
    this.#failed(why ?? 'over')
    this.#smtp.quit()
    this.#imap.close()
  }
}

servePart<WatcherQuestions>(async order => {
  const latencies: number[] = []
  const errors: string[] = []
  const messages = new Messages(order.size, runId)
  const pairs = order.logins.map(login => new Pair(login, messages, latencies))
  await Promise.all(pairs.map(pair => pair.open(order)))
  const startMs = performance.now()
  const endMs = startMs + order.seconds * 1000
  const giveUp = setTimeout(
    () => {
      for (const pair of pairs) pair.close('no EXISTS in time')
    },
    order.seconds * 1000 + GIVE_UP_MS,
  )
  await Promise.all(pairs.map(pair => pair.until(endMs).catch((error: Error) => errors.push(error.message))))
  clearTimeout(giveUp)
  const elapsedMs = performance.now() - startMs
  for (const pair of pairs) pair.close()
  const bytes = latencies.length * order.size
  return { messages: latencies.length, bytes, elapsedMs, latencies: Float64Array.from(latencies), errors }
})
