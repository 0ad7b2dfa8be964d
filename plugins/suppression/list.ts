/**
 * The list itself, in the state that all workers share: which addresses are suppressed for whom, until when and why, and the failures that
 * lead there. Bounded: a full list takes nobody new.
 */
import { createHash } from 'node:crypto'
import type { Clock, State } from 'posthouse/api'

export interface Entry {
  readonly address: string
  readonly scope: string
  readonly kind: 'failure' | 'complaint' | 'admin'
  readonly why: string
  /** Milliseconds since the epoch. */
  readonly since: number
  readonly until: number
  /** Failures that led to it. */
  readonly failures?: number
}

export interface Terms {
  readonly after: number
  readonly withinMs: number
  readonly forMs: number
  readonly most: number
}

const DIGEST_BYTES = 15

export class Suppressed {
  readonly #state: State
  readonly #clock: Clock
  readonly #terms: Terms

  constructor(state: State, clock: Clock, terms: Terms) {
    this.#state = state
    this.#clock = clock
    this.#terms = terms
  }

  async find(scope: string, address: string): Promise<Entry | undefined> {
    return read(await this.#state.get(`on/${keyOf(scope, address)}`, this.#clock.now()))
  }

  /** What holds for them, or for all: an admin may have said so. */
  async findFor(scope: string, address: string): Promise<Entry | undefined> {
    return (await this.find(scope, address)) ?? (scope === 'all' ? undefined : this.find('all', address))
  }

  /** One failure more, said at once or after it had been taken; the entry, when it is the one too many. */
  async failed(scope: string, address: string, why: string, when: 'failures' | 'returns'): Promise<Entry | undefined> {
    const now = this.#clock.now()
    const { after, withinMs, forMs } = this.#terms
    await this.#state.add(`${when}/${keyOf(scope, address)}`, 1, now, now + withinMs)
    const failures = await this.failures(scope, address)
    if (failures < after || (await this.find(scope, address)) !== undefined) return undefined
    return this.put({ address, scope, kind: 'failure', why, since: now, until: now + forMs, failures })
  }

  async complained(scope: string, address: string, why: string, forMs: number): Promise<Entry | undefined> {
    const now = this.#clock.now()
    return this.put({ address, scope, kind: 'complaint', why, since: now, until: now + forMs })
  }

  /** It is taken after all. What came back later stays: that had been taken too. */
  async forget(scope: string, address: string): Promise<void> {
    const key = `failures/${keyOf(scope, address)}`
    if ((await this.#state.get(key, this.#clock.now())) !== undefined) await this.#state.remove(key)
  }

  /** `undefined`: the list is full. */
  async put(entry: Entry): Promise<Entry | undefined> {
    const key = `on/${keyOf(entry.scope, entry.address)}`
    const known = (await this.#state.get(key, this.#clock.now())) !== undefined
    if (!known && (await this.#found()).length >= this.#terms.most) return undefined
    await this.#state.put(key, JSON.stringify(entry), entry.until)
    return entry
  }

  /** With the failures that led to it. */
  async remove({ scope, address }: Pick<Entry, 'scope' | 'address'>): Promise<boolean> {
    const key = keyOf(scope, address)
    await this.#state.remove(`failures/${key}`)
    await this.#state.remove(`returns/${key}`)
    return this.#state.remove(`on/${key}`)
  }

  async failures(scope: string, address: string): Promise<number> {
    const [key, now] = [keyOf(scope, address), this.#clock.now()]
    const counts = [await this.#state.get(`failures/${key}`, now), await this.#state.get(`returns/${key}`, now)]
    return counts.reduce((sum, count) => sum + Number(count ?? 0), 0)
  }

  /** By address. */
  async all(): Promise<readonly Entry[]> {
    const entries = (await this.#found()).flatMap(({ value }) => read(value) ?? [])
    return entries.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0))
  }

  #found() {
    return this.#state.list('on/', this.#clock.now(), this.#terms.most)
  }

  get terms(): Terms {
    return this.#terms
  }
}

/** Case does not matter: who is gone is gone in any spelling. */
function keyOf(scope: string, address: string): string {
  const digest = createHash('sha256').update(`${scope}\n${address.toLowerCase()}`).digest()
  return digest.subarray(0, DIGEST_BYTES).toString('base64url')
}

function read(value: string | undefined): Entry | undefined {
  try {
    return value === undefined ? undefined : (JSON.parse(value) as Entry)
  } catch {
    // written by another version: it is forgotten with its time
    return undefined
  }
}
