/**
 * A mix of commands after imaptest's documented default probabilities (its states.md): each client logs in, goes through the commands in that order, runs
 * each with its probability, logs out and begins again. A command at a time; mailboxes are kept near 30 messages; COPY goes to a mailbox of its own.
 * Meanwhile mail comes in by LMTP at a steady rate.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ImapSession, isOk } from '../../lib/imap-client.js'
import { Lmtp } from '../../lib/lmtp-client.js'
import { random } from '../../lib/random.js'
import { Mails } from './mails.js'
import { addressOf, appendOf, type ImapPeer, MIXERS, PASSWORD } from './peer.js'
import { type Drive, type ImapScenario, logIn } from './scenario.js'

const CLIENTS = 10
/** imaptest's `msgs`. */
const KEPT = 30
const DELIVERIES_PER_SECOND = 20
const COPIES = 'Copies'

/** Percent; the second number is the chance of going on. */
const PERCENT = {
  list: 50,
  status: 50,
  fetch: 100,
  fetch2: [100, 30],
  copy: [33, 5],
  store: 50,
  delete: 100,
  expunge: 100,
  append: [100, 5],
} as const

const FIELDS = ['UID', 'FLAGS', 'ENVELOPE', 'INTERNALDATE', 'BODY', 'BODYSTRUCTURE']
const HEADERS = ['From', 'To', 'Cc', 'Subject', 'Message-ID', 'In-Reply-To', 'References', 'Delivered-To']
const FLAGS = ['\\Answered', '\\Flagged', '\\Seen', '\\Draft', '$Label1', '$Label2', '$Label3', '$Label4', '$Label5']

export const imapMix: ImapScenario = {
  name: 'imap-mix',
  asks: `How many commands a second: ${CLIENTS} clients over ${MIXERS} mailboxes, commands by imaptest's default probabilities, ${DELIVERIES_PER_SECOND} deliveries a second by LMTP?`,
  unit: 'commands',
  cases: ({ seconds }) => [
    {
      name: `${CLIENTS} clients`,
      warm: 20,
      warmCount: 40_000,
      turn: (peer, turn) => mix(peer, turn, seconds),
    },
  ],
}

async function mix(peer: ImapPeer, turn: number, seconds: number): Promise<Drive> {
  await prepare(peer)
  const tally: Tally = { latencies: [], commands: {}, errors: [] }
  const began = performance.now()
  const over = () => performance.now() - began > seconds * 1000
  const delivering = deliver(peer, over)
  const clients = Array.from({ length: CLIENTS }, (_, at) =>
    new Client(peer, random(turn * 1000 + at), tally).until(over),
  )
  await Promise.all(clients)
  const elapsedMs = performance.now() - began
  const delivered = await delivering
  const { latencies, commands, errors } = tally
  return {
    count: latencies.length,
    elapsedMs,
    latencies,
    commands: { ...commands, delivered },
    errors: errors.slice(0, 5),
  }
}

/** What was copied before is not carried along. */
async function prepare(peer: ImapPeer): Promise<void> {
  for (let at = 0; at < MIXERS; at++) {
    const session = await logIn(peer, `mixer${at}`)
    await session.attempt(`DELETE ${COPIES}`)
    await session.run(`CREATE ${COPIES}`)
    session.close()
  }
}

interface Tally {
  readonly latencies: number[]
  readonly commands: Record<string, number>
  readonly errors: string[]
}

const MAILS = new Mails(3000)

class Client {
  readonly #peer: ImapPeer
  readonly #random: () => number
  readonly #tally: Tally
  #session!: ImapSession
  #next = 0

  constructor(peer: ImapPeer, next: () => number, tally: Tally) {
    this.#peer = peer
    this.#random = next
    this.#tally = tally
    this.#next = this.#number(1e6)
  }

  async until(over: () => boolean): Promise<void> {
    try {
      while (!over()) await this.#visit(over)
    } catch (error) {
      this.#tally.errors.push((error as Error).message)
    }
  }

  async #visit(over: () => boolean): Promise<void> {
    this.#session = await ImapSession.open(this.#peer.ports.imap)
    await this.#run('LOGIN', `LOGIN "${addressOf(`mixer${this.#number(MIXERS)}`)}" "${PASSWORD}"`)
    if (this.#chance(PERCENT.list)) await this.#run('LIST', 'LIST "" *')
    if (this.#chance(PERCENT.status)) await this.#run('STATUS', 'STATUS INBOX (MESSAGES UNSEEN RECENT)')
    await this.#run('SELECT', 'SELECT INBOX')
    for (const step of [
      this.#fetch,
      this.#fetch2,
      this.#copy,
      this.#store,
      this.#delete,
      this.#expunge,
      this.#append,
    ]) {
      if (!over()) await step.call(this)
    }
    await this.#run('LOGOUT', 'LOGOUT')
    this.#session.close()
  }

  async #fetch(): Promise<void> {
    if (!this.#any || !this.#chance(PERCENT.fetch)) return
    const first = 1 + this.#number(this.#session.messages)
    const range = this.#session.messages < 100 ? '1:*' : `${first}:${Math.min(first + 99, this.#session.messages)}`
    const fields = FIELDS.filter(() => this.#chance(50))
    const headers = HEADERS.filter(() => this.#chance(50))
    const items = headers.length === 0 ? fields : [...fields, `BODY.PEEK[HEADER.FIELDS (${headers.join(' ')})]`]
    await this.#run('FETCH', `FETCH ${range} (${items.length === 0 ? 'UID' : items.join(' ')})`)
  }

  async #fetch2(): Promise<void> {
    for (let go = this.#chance(PERCENT.fetch2[0]); go && this.#any; go = this.#chance(PERCENT.fetch2[1]))
      await this.#run('FETCH2', `FETCH ${1 + this.#number(this.#session.messages)} (BODY.PEEK[])`)
  }

  async #copy(): Promise<void> {
    for (let go = this.#chance(PERCENT.copy[0]); go && this.#any; go = this.#chance(PERCENT.copy[1]))
      await this.#run('COPY', `COPY ${this.#range(5)} ${COPIES}`)
  }

  async #store(): Promise<void> {
    if (!this.#any || !this.#chance(PERCENT.store)) return
    const flags = FLAGS.filter(() => this.#chance(30))
    const sign = ['+', '-', ''][this.#number(3)]!
    await this.#run('STORE', `STORE ${this.#range(10)} ${sign}FLAGS.SILENT (${flags.join(' ')})`)
  }

  async #delete(): Promise<void> {
    if (!this.#any || !this.#chance(PERCENT.delete)) return
    // Those that are too many, and a few.
    const surplus = Math.max(1, this.#session.messages - KEPT)
    await this.#run('DELETE', `STORE 1:${Math.min(surplus, this.#session.messages)} +FLAGS.SILENT (\\Deleted)`)
  }

  async #expunge(): Promise<void> {
    if (this.#chance(PERCENT.expunge)) await this.#run('EXPUNGE', 'EXPUNGE')
  }

  async #append(): Promise<void> {
    if (!this.#chance(PERCENT.append[0])) return
    const mails = []
    do mails.push({ bytes: MAILS.mail(this.#next++).bytes })
    while (this.#chance(PERCENT.append[1]))
    await this.#run('APPEND', appendOf('INBOX', mails))
  }

  /** NO is an answer too: other clients remove what this one asks for. */
  async #run(name: string, command: string | Buffer): Promise<void> {
    const { latencies, commands, errors } = this.#tally
    const began = performance.now()
    const answer = await this.#session.attempt(command)
    latencies.push(performance.now() - began)
    commands[name] = (commands[name] ?? 0) + 1
    if (isOk(answer)) return
    const refused = `${name} refused`
    commands[refused] = (commands[refused] ?? 0) + 1
    if (answer.line.includes('SERVERBUG')) errors.push(`${name}: ${answer.line.trimEnd()}`)
    if (answer.line.includes(' BAD ')) errors.push(`${name}: ${answer.line.trimEnd()}`)
  }

  get #any(): boolean {
    return this.#session.messages > 0
  }

  #range(most: number): string {
    const { messages } = this.#session
    const first = 1 + this.#number(messages)
    return `${first}:${Math.min(messages, first + this.#number(most))}`
  }

  #number(below: number): number {
    return Math.floor(this.#random() * below)
  }

  #chance(percent: number): boolean {
    return this.#random() * 100 < percent
  }
}

/** So many messages a second, if the server takes them; resolves to how many it took. */
async function deliver(peer: ImapPeer, over: () => boolean): Promise<number> {
  const lmtp = await Lmtp.open(peer.ports.lmtp)
  const began = performance.now()
  let delivered = 0
  while (!over()) {
    await lmtp.send(addressOf(`mixer${delivered % MIXERS}`), MAILS.mail(delivered).bytes)
    delivered += 1
    await sleep(Math.max(0, began + (delivered * 1000) / DELIVERIES_PER_SECOND - performance.now()))
  }
  lmtp.close()
  return delivered
}
