/** What is remembered of accounts: which are braked and why, what they have spent, and whom they have written to. */
import type { Budget, Spending, State } from 'posthouse/api'
import type { Digests } from './digests.js'
import { KINDS, type LimitName } from './limits.js'

const YEAR_MS = 365 * 86_400_000
/** How often the time of a recipient is written anew. */
const RENEW_MS = 86_400_000
const BRAKED = 'braked/'

export interface Brake {
  readonly accountId: string
  readonly login: string
  readonly since: number
  /** `101 new recipients an hour, 100 allowed` */
  readonly why: string
}

export class Ledger {
  readonly #state: State
  readonly #digests: Digests
  readonly #rememberMs: number

  constructor(state: State, digests: Digests, rememberMs: number) {
    this.#state = state
    this.#digests = digests
    this.#rememberMs = rememberMs
  }

  async brakeOf(accountId: string, now: number): Promise<Brake | undefined> {
    return readBrake(accountId, await this.#state.get(BRAKED + accountId, now))
  }

  /** Until it is released. */
  async brake({ accountId, ...facts }: Brake): Promise<void> {
    await this.#state.put(BRAKED + accountId, JSON.stringify(facts), facts.since + YEAR_MS)
  }

  async braked(now: number): Promise<readonly Brake[]> {
    const entries = await this.#state.list(BRAKED, now)
    return entries.flatMap(({ key, value }) => readBrake(key.slice(BRAKED.length), value) ?? [])
  }

  /** Its budgets are whole again too, or the next message would brake it anew. */
  async release(accountId: string): Promise<void> {
    await this.#state.remove(BRAKED + accountId)
    for (const { name } of KINDS) await this.#state.remove(spentKey(name, accountId))
  }

  spend(name: LimitName, accountId: string, amount: number, budget: Budget, now: number): Promise<Spending> {
    return this.#state.spend(spentKey(name, accountId), amount, budget, now)
  }

  /** Those the account has not written to. */
  async newAmong(accountId: string, addresses: readonly string[], now: number): Promise<readonly string[]> {
    const keys = await Promise.all(addresses.map(address => this.#knownKey(accountId, address)))
    const known = await Promise.all(keys.map(key => this.#state.get(key, now)))
    return addresses.filter((_, at) => known[at] === undefined)
  }

  async remember(accountId: string, addresses: readonly string[], now: number): Promise<void> {
    await Promise.all(
      addresses.map(async address => {
        const key = await this.#knownKey(accountId, address)
        const at = Number((await this.#state.get(key, now)) ?? 0)
        if (now - at >= RENEW_MS) await this.#state.put(key, String(now), now + this.#rememberMs)
      }),
    )
  }

  async #knownKey(accountId: string, address: string): Promise<string> {
    return `known/${await this.#digests.of(accountId, address)}`
  }
}

function spentKey(name: LimitName, accountId: string): string {
  return `spent/${name}/${accountId}`
}

function readBrake(accountId: string, value: string | undefined): Brake | undefined {
  return value === undefined ? undefined : { accountId, ...(JSON.parse(value) as Omit<Brake, 'accountId'>) }
}
