/**
 * Several sources of accounts as the one directory that everybody sees. They are asked in the order of plugins.yaml, and the first that has
 * somebody counts. A source that is down ends the asking with its trouble: one that comes later might have the same name for another person,
 * and "nobody" said for want of an answer would bounce mail. So what is near stands above what is far.
 */
import {
  type Account,
  type Accounts,
  type Bus,
  type Clock,
  type Log,
  type Metrics,
  type Peer,
  type ScramKeys,
  type ScramShape,
  type State,
  USUAL_SCRAM,
} from '../../api/index.js'
import { KeptAccounts } from './kept.js'

/** Whoever changes accounts elsewhere says so under this topic: what is kept is asked anew. */
export const FORGET = 'accounts/forget'

export interface Given {
  readonly plugin: string
  /** Its entry in plugins.yaml. */
  readonly place: number
  readonly accounts: Accounts
}

/** A source as people know it. */
export interface AccountSource {
  readonly name: string
  readonly plugin: string
  /** The source itself: nothing kept. */
  readonly accounts: Accounts
}

interface Held extends AccountSource {
  readonly place: number
  /** With what is kept. */
  readonly asked: Pick<Accounts, 'byLogin' | 'byAddress' | 'byId'>
  /** Accounts as they are told: a source may give the same one again and again. */
  readonly told: WeakMap<Account, Account>
}

export interface JoinParts {
  readonly log: Log
  readonly metrics: Metrics
  readonly clock: Clock
  readonly bus: Bus
  /** As of `KeptParts`. */
  readonly state?: () => State | undefined
}

type LookUp = 'byLogin' | 'byAddress' | 'byId'

export class JoinedAccounts implements Accounts {
  readonly #parts: JoinParts
  #sources: readonly Held[] = []

  constructor(parts: JoinParts) {
    this.#parts = parts
  }

  /** In the order of asking. */
  get sources(): readonly AccountSource[] {
    return this.#sources
  }

  add({ plugin, place, accounts }: Given): void {
    const { keep } = accounts
    const name = this.#nameFor(accounts.name ?? plugin)
    const kept = keep && new KeptAccounts(accounts, { ...this.#parts, name, keep })
    if (kept !== undefined) this.#parts.bus.subscribe(FORGET, () => kept.forget())
    const held = { name, plugin, place, accounts, asked: kept ?? accounts, told: new WeakMap<Account, Account>() }
    this.#sources = [...this.#sources, held].sort((a, b) => a.place - b.place)
  }

  byLogin(login: string): Promise<Account | undefined> {
    return this.#first('byLogin', login)
  }

  byAddress(address: string): Promise<Account | undefined> {
    return this.#first('byAddress', address)
  }

  byId(id: string): Promise<Account | undefined> {
    return this.#first('byId', id)
  }

  /** Sources below one that has the same login or id are not seen by anybody, so they are not told here either. */
  async list(most = Number.POSITIVE_INFINITY): Promise<readonly Account[]> {
    const all: Account[] = []
    const seen = new Set<string>()
    for (const { name, accounts } of this.#sources) {
      if (all.length >= most) break
      for (const account of await accounts.list(most === Number.POSITIVE_INFINITY ? undefined : most)) {
        const login = `login ${account.login.toLowerCase()}`
        if (seen.has(login) || seen.has(account.id) || all.length >= most) continue
        seen.add(login).add(account.id)
        all.push({ ...account, source: name })
      }
    }
    return all
  }

  async scramKeys(
    login: string,
    mechanism: ScramKeys['mechanism'],
    protocol?: Peer['protocol'],
  ): Promise<ScramKeys | undefined> {
    for (const { accounts, asked } of this.#sources)
      if ((await asked.byLogin(login)) !== undefined) return accounts.scramKeys?.(login, mechanism, protocol)
    return undefined
  }

  scramProven(account: Account, name: string, peer: Peer): void {
    const owner = this.#sources.find(source => source.name === account.source)
    owner?.accounts.scramProven?.(account, name, peer)
  }

  /**
   * Offered only where every source can do it: a client takes the strongest mechanism for whoever it is, and would fail for all whose source
   * has nothing but their password.
   */
  scramShape(mechanism: ScramKeys['mechanism']): ScramShape | undefined {
    const shapes = this.#sources.map(({ accounts }) => shapeOf(accounts, mechanism))
    return shapes.includes(undefined) ? undefined : shapes[0]
  }

  async #first(how: LookUp, wanted: string): Promise<Account | undefined> {
    for (const source of this.#sources) {
      const account = await source.asked[how](wanted)
      if (account !== undefined) return withName(account, source)
    }
    return undefined
  }

  /** Two entries of one plugin without names of their own: `auth-file`, `auth-file 2`. */
  #nameFor(wanted: string): string {
    const taken = new Set(this.#sources.map(({ name }) => name))
    let name = wanted
    for (let count = 2; taken.has(name); count++) name = `${wanted} ${count}`
    return name
  }
}

function withName(account: Account, { name, told }: Held): Account {
  const known = told.get(account)
  if (known !== undefined) return known
  const made = { ...account, source: name }
  told.set(account, made)
  return made
}

function shapeOf(accounts: Accounts, mechanism: ScramKeys['mechanism']): ScramShape | undefined {
  if (accounts.scramKeys === undefined) return undefined
  return accounts.scramShape === undefined ? USUAL_SCRAM : accounts.scramShape(mechanism)
}
