/** Sources of accounts for tests: some people, how often they were asked for, and a switch that makes the source go away. */
import {
  type Account,
  type Accounts,
  type Keeping,
  MailError,
  type Peer,
  type State,
} from '../../../../core/api/index.js'
import { JoinedAccounts, type JoinParts } from '../../../../core/host/accounts/joined.js'
import { MemoryMetrics } from '../../../../core/host/metrics.js'
import { rememberingLog } from '../../../harness/log.js'

export interface FakeSource {
  readonly accounts: Accounts
  /** `byLogin ann`, in order. */
  readonly asked: string[]
  readonly proven: string[]
  down: boolean
  people: readonly Account[]
}

export interface FakeOptions {
  readonly name?: string
  readonly keep?: Keeping
  readonly scram?: Accounts['scramShape']
}

export function person(login: string, more: Partial<Account> = {}): Account {
  return { id: `id-${login}`, login, addresses: [`${login}@example.test`], ...more }
}

export function aSource(people: readonly Account[], { name, keep, scram }: FakeOptions = {}): FakeSource {
  const fake: FakeSource = { asked: [], proven: [], down: false, people, accounts: {} as Accounts }
  const asking = async <T>(what: string, answer: () => T): Promise<T> => {
    fake.asked.push(what)
    if (fake.down) throw new MailError('directory-unavailable', `${name ?? 'it'} is down`)
    return answer()
  }
  const find = (fits: (account: Account) => boolean) => fake.people.find(fits)
  const accounts: Accounts = {
    ...(name !== undefined && { name }),
    ...(keep !== undefined && { keep }),
    byLogin: login => asking(`byLogin ${login}`, () => find(one => one.login === login.toLowerCase())),
    byAddress: address => asking(`byAddress ${address}`, () => find(one => one.addresses.includes(address))),
    byId: id => asking(`byId ${id}`, () => find(one => one.id === id)),
    list: most => asking('list', () => fake.people.slice(0, most)),
    ...(scram !== undefined && {
      scramShape: scram,
      scramKeys: async (login, mechanism) => ({ mechanism, salt: login, iterations: 1, candidates: [] }),
      scramProven: (account: Account, tag: string, _peer: Peer) => fake.proven.push(`${account.login} ${tag}`),
    }),
  }
  return Object.assign(fake, { accounts })
}

export interface Scene {
  readonly joined: JoinedAccounts
  readonly log: ReturnType<typeof rememberingLog>
  readonly metrics: MemoryMetrics
  readonly clock: { at: number; now(): number }
  /** As a command does. */
  forget(): void
}

/** In the order given, which is that of plugins.yaml. */
export function join(...sources: readonly FakeSource[]): Scene {
  return joinBeside(undefined, ...sources)
}

/** With the State that other processes have. */
export function joinBeside(state: State | undefined, ...sources: readonly FakeSource[]): Scene {
  const log = rememberingLog()
  const metrics = new MemoryMetrics()
  const clock = { at: 0, now: () => clock.at }
  const listeners: ((payload: string) => void)[] = []
  const bus: JoinParts['bus'] = {
    publish: () => undefined,
    subscribe: (_topic, listener) => {
      listeners.push(listener)
      return () => undefined
    },
  }
  const joined = new JoinedAccounts({ log, metrics, clock, bus, state: () => state })
  for (const [place, { accounts }] of sources.entries()) joined.add({ plugin: `plugin-${place}`, place, accounts })
  const forget = () => {
    for (const listener of listeners) listener('')
  }
  return { joined, log, metrics, clock, forget }
}
