/** The plugin on tables in memory, with mail that comes, is judged, and is moved into Junk and out of it. */
import type { Finding, Marking, Message, State, Tables } from 'posthouse/api'
import { aMessage, anEnvelope, aSession, type SetUp, setUp } from 'posthouse/testing'
import learning from '../../../plugins/learning/index.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'

export const DAY = 86_400_000
const START = Date.UTC(2026, 5, 15)

export class Scene {
  readonly tables: Tables
  readonly state: State = createMemoryState()
  now = START
  #plugin: SetUp | undefined
  #count = 0

  constructor(tables: Tables = createMemoryTables()) {
    this.tables = tables
  }

  async open(config: Record<string, unknown> = {}): Promise<this> {
    this.#plugin = await setUp(learning, {
      config,
      state: this.state,
      now: () => this.now,
      services: {
        tables: this.tables,
        'local-recipients': { accountsOf: async ({ local }) => [`id-${local}`] },
      },
    })
    return this
  }

  get plugin(): SetUp {
    return this.#plugin!
  }

  async finding(message: Message | string, ...to: readonly string[]): Promise<Finding | undefined> {
    const locals = to.length === 0 ? ['ann'] : to
    const recipients = locals.map(local => ({ address: { local, domain: 'example.test' }, dsn: { notify: [] } }))
    const asked = {
      session: aSession(),
      envelope: anEnvelope({ recipients }),
      message: typeof message === 'string' ? aMessage(message) : message,
    }
    return (await this.plugin.hooks.score!(asked, this.plugin.call)) as Finding | undefined
  }

  async points(message: Message | string, ...to: readonly string[]): Promise<number> {
    return (await this.finding(message, ...to))?.points ?? 0
  }

  async marks(mail: string, says: Marking['says'], who = 'ann', by: Marking['by'] = 'move'): Promise<void> {
    const prefix = 'Return-Path: <>\r\nReceived: from a by b; Mon, 1 Jan 2026 00:00:00 +0000\r\n'
    const bytes = Buffer.concat([Buffer.from(prefix), Buffer.from(mail.replace(/\n/g, '\r\n'))])
    const marking: Marking = {
      accountId: `id-${who}`,
      says,
      by,
      at: this.now,
      emailId: `e${++this.#count}`,
      prefix,
      size: bytes.length,
      read: async (from = 0, to = bytes.length) => bytes.subarray(from, to),
    }
    await this.plugin.hooks.marked!({ marking }, this.plugin.call)
  }

  /** A mail has come in, and the others' findings were worth so much. */
  async decided(mail: string, others: number, learned = 0): Promise<void> {
    const envelope = anEnvelope()
    const findings = [
      { name: 'others', points: others, says: '' },
      { name: 'learned', points: learned, says: '' },
    ]
    const verdict = { findings, sum: others + learned }
    const results = [{ recipient: envelope.recipients[0]!, kind: 'accepted' }] as const
    const asked = { session: aSession(), envelope, message: aMessage(mail), verdict, results }
    await this.plugin.hooks.decided!(asked, this.plugin.call)
  }

  /** All that is kept, but for news and what was taken back. */
  async kept(): Promise<readonly string[]> {
    const rows = await this.tables.table('learning').list('m/', 'm/', 10_000)
    return rows.map(({ value }) => value).filter(value => value.split(' ')[6] === '')
  }
}

const WORDS = {
  spam: 'amazing offer winner casino bonus claim prize jackpot lucky spin deposit free credit instant cash reward exclusive urgent limited deal'.split(
    ' ',
  ),
  ham: 'meeting minutes draft review budget train schedule garden school report server patch branch invoice lunch family holiday photo book kernel'.split(
    ' ',
  ),
}

/** A mail of words of that kind, another for each number. */
export function mailOf(kind: 'spam' | 'ham', n: number, more = ''): string {
  const words = WORDS[kind]
  const text = Array.from({ length: 60 }, (_, at) => words[(at * 7 + n * 3 + ((at * at + n) % 5)) % words.length]).join(
    ' ',
  )
  return [
    `From: Person ${n} <p${n}@${kind}.test>`,
    'To: ann@example.test',
    `Subject: ${words[n % words.length]} ${words[(n * 5 + 1) % words.length]}`,
    `Message-ID: <${kind}${n}@${kind}.test>`,
    '',
    `${text}. ${more}`,
    '',
  ].join('\n')
}
