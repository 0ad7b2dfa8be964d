/** The plugin on a state in memory, with a clock that a test turns, and mail that comes and goes without a server. */
import type { Account, AuthFacts, Decided, Finding, Hook, Marking, MomentName, State } from 'posthouse/api'
import { aMessage, anEnvelope, aSession, type SetUp, setUp } from 'posthouse/testing'
import reputation from '../../../plugins/reputation/index.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'

export const DAY = 86_400_000
const START = Date.UTC(2026, 5, 15)

/** What mail-auth says: DKIM and SPF pass for `by`, and DMARC for `from`, if that is the same. */
export function passed(by: string, from = by): AuthFacts {
  return {
    mailFrom: { result: 'pass', domain: by, why: '' },
    dkim: [{ result: 'pass', domain: by, selector: 's', algorithm: 'rsa-sha256', tag: '', why: '' }],
    dmarc: { result: by === from ? 'pass' : 'fail', domain: from, disposition: 'none', why: '' },
    vouching: [by],
    questions: 0,
  }
}

export function forged(from: string): AuthFacts {
  return {
    dkim: [],
    dmarc: { result: 'fail', domain: from, disposition: 'none', why: '' },
    vouching: [],
    questions: 0,
  }
}

export interface Coming {
  readonly from: string
  /** Left out: nobody checks. */
  readonly auth?: AuthFacts
  readonly ip?: string
  readonly to?: readonly string[]
  /** What others have found. */
  readonly points?: number
  readonly became?: Decided['kind']
  /** Header fields, with line ends. */
  readonly more?: string
}

export interface Come {
  readonly findings: readonly Finding[]
  /** In front of the body, as it is delivered. */
  readonly prefix: string
}

export interface Going {
  readonly account?: string
  readonly to: readonly string[]
  readonly id?: string
  readonly more?: string
  readonly became?: Decided['kind']
  /** It still waits to be written. */
  readonly waits?: true
}

const ACCOUNTS = new Map(
  ['ann', 'bob', 'cid', 'dan'].map(name => [
    `${name}@example.test`,
    { id: `id-${name}`, login: name, addresses: [`${name}@example.test`] } satisfies Account,
  ]),
)

/** An alias stands for several. */
const TEAM = ['id-ann', 'id-bob']

function accountsOf(address: string): readonly string[] {
  if (address === 'team@example.test') return TEAM
  return [ACCOUNTS.get(address)?.id ?? []].flat()
}

export class Scene {
  readonly state: State
  now = START
  #auth: AuthFacts | undefined
  #plugin: SetUp | undefined
  #count = 0

  constructor(state: State = createMemoryState()) {
    this.state = state
  }

  async open(config: Record<string, unknown> = {}): Promise<this> {
    this.#plugin = await setUp(reputation, {
      config,
      state: this.state,
      now: () => this.now,
      services: {
        'local-recipients': { accountsOf: async address => accountsOf(`${address.local}@${address.domain}`) },
        'mail-auth': { found: async () => this.#auth },
      },
    })
    return this
  }

  get plugin(): SetUp {
    return this.#plugin!
  }

  async #ask<M extends MomentName>(moment: M, asked: Parameters<Hook<M>>[0]) {
    const hook = this.plugin.hooks[moment] as Hook<M>
    return hook(asked, this.plugin.call)
  }

  /** What waits is in the state afterwards. */
  async write(): Promise<void> {
    await this.plugin.contribution.dispose!()
  }

  async comes(coming: Coming): Promise<Come> {
    const {
      from,
      auth,
      ip = '192.0.2.1',
      to = ['ann@example.test'],
      points = 0,
      became = 'accepted',
      more = '',
    } = coming
    this.#auth = auth
    const message = aMessage(`From: ${from}\n${more}Subject: x\n\nhello\n`)
    const recipients = to.map(recipientOf)
    const session = aSession({ remote: { address: ip, port: 1 } })
    const asked = { session, message, envelope: anEnvelope({ recipients }) }
    const findings = ((await this.#ask('score', asked)) ?? []) as readonly Finding[]
    const all = [...findings, { name: 'others', points, says: '' }]
    const verdict = { findings: all, sum: all.reduce((sum, one) => sum + one.points, 0) }
    const fields = (await this.#ask('headers', { ...asked, verdict })) as readonly object[] | undefined
    const results = recipients.map(recipient => ({ recipient, kind: became }))
    await this.#ask('decided', { ...asked, verdict, results })
    await this.write()
    return { findings, prefix: prefixOf(fields) }
  }

  async goes({ account = 'ann', to, id, more = '', became = 'accepted', waits }: Going): Promise<void> {
    const who = ACCOUNTS.get(`${account}@example.test`)!
    const message = aMessage(
      `From: ${account}@example.test\nMessage-ID: <${id ?? `m${++this.#count}@example.test`}>\n${more}\nhello\n`,
    )
    const recipients = to.map(recipientOf)
    const envelope = anEnvelope({ recipients, sender: { local: account, domain: 'example.test' } })
    const results = recipients.map(recipient => ({ recipient, kind: became }))
    const verdict = { findings: [], sum: 0 }
    await this.#ask('decided', { session: aSession({ account: who }), envelope, message, verdict, results })
    if (waits === undefined) await this.write()
  }

  async marks(
    account: string,
    come: Pick<Come, 'prefix'>,
    says: Marking['says'],
    emailId: string,
    by: Marking['by'] = 'move',
  ): Promise<void> {
    const marking = {
      accountId: `id-${account}`,
      says,
      by,
      at: this.now,
      emailId,
      prefix: come.prefix,
      size: 1,
    } as const
    await this.#ask('marked', { marking: { ...marking, read: async () => Buffer.alloc(0) } })
    await this.write()
  }

  async times(count: number, coming: Coming): Promise<Come> {
    let last = await this.comes(coming)
    for (let at = 1; at < count; at++) last = await this.comes(coming)
    return last
  }

  async command(name: string, ...args: string[]): Promise<string> {
    return this.#run(name, args, false)
  }

  async json(name: string, ...args: string[]): Promise<never> {
    return JSON.parse(await this.#run(name, args, true)) as never
  }

  async #run(name: string, args: readonly string[], json: boolean): Promise<string> {
    const lines: string[] = []
    const command = this.plugin.contribution.commands!.find(one => one.name === name)!
    const print = (line: string) => void lines.push(line)
    await command.run({ args, options: {}, json, print, warn: print, stdin: async () => '' })
    return lines.join('\n')
  }
}

export async function aScene(config: Record<string, unknown> = {}): Promise<Scene> {
  return new Scene().open(config)
}

export function pointsOf(findings: readonly Finding[], name: string): number {
  return findings.find(one => one.name === name)?.points ?? 0
}

function recipientOf(address: string) {
  const [local, domain] = address.split('@') as [string, string]
  return { address: { local, domain }, dsn: { notify: [] } } as const
}

function prefixOf(fields: readonly object[] | undefined): string {
  const added = (fields ?? []) as readonly { readonly name: string; readonly value?: string }[]
  return added
    .flatMap(({ name, value }) => (value === undefined ? [] : `${name}: ${value.replaceAll('; ', ';\r\n\t')}\r\n`))
    .join('')
}
