/**
 * Limits that an account has of its own: each takes the place of all rules that count the same per login. Directories hand them on as text, so
 * what cannot be read is said once in the log, and the rules stand.
 */
import { ACCOUNT_LIMITS, type Account, type Log } from 'posthouse/api'
import { Exceptions } from './exceptions.js'
import { type Count, type Limit, type Rule, readLimit } from './rules.js'

/** Texts that have been read; few are different. */
const MOST_READ = 1000

export class OwnLimits {
  readonly #log: Log
  readonly #read = new Map<string, Limit | undefined>()
  /** Of several rules of one kind the first holds it. */
  readonly #bearers: ReadonlyMap<Count, Rule>

  constructor(rules: readonly Rule[], log: Log) {
    this.#log = log
    this.#bearers = new Map(
      rules
        .filter(({ per }) => per === 'login')
        .map(rule => [rule.count, rule] as const)
        .reverse(),
    )
  }

  /** `undefined`: the rule's own limits stand. */
  of(rule: Rule, account: Account | undefined): Limit | undefined {
    if (rule.per !== 'login' || account?.limits === undefined) return undefined
    const limit = this.#limitOf(rule.count, account)
    return limit === undefined || this.#bearers.get(rule.count) === rule ? limit : 'unlimited'
  }

  #limitOf(count: Count, { login, limits }: Account): Limit | undefined {
    const text = count === 'connections' ? undefined : limits?.[count]
    if (text === undefined) return undefined
    const key = `${count} ${text}`
    const known = this.#read.get(key)
    if (known !== undefined || this.#read.has(key)) return known
    const found = readLimit(text, count)
    const limit = typeof found === 'object' && 'fault' in found ? undefined : found
    if (limit === undefined)
      this.#log.warn({ login, limit: key, why: faultOf(found) }, 'limit of an account cannot be read')
    if (this.#read.size >= MOST_READ) this.#read.clear()
    this.#read.set(key, limit)
    return limit
  }
}

/** Rules for limits that only some accounts have: nobody else is counted by them. */
export function withOwn(rules: readonly Rule[]): readonly Rule[] {
  const there = new Set(rules.filter(({ per }) => per === 'login').map(({ count }) => count))
  const missing = ACCOUNT_LIMITS.filter(count => !there.has(count))
  return [
    ...rules,
    ...missing.map((count): Rule => {
      return {
        name: `${count}-of-account`,
        count,
        per: 'login',
        limit: 'unlimited',
        exceptions: new Exceptions<Limit>(),
      }
    }),
  ]
}

function faultOf(found: ReturnType<typeof readLimit>): string {
  return typeof found === 'object' && 'fault' in found ? found.fault : ''
}
