/** What owners have set, by account, in a table of the store: a change holds in all workers with the next message. */
import type { Bus, Clock, Table, VacationWish } from 'posthouse/api'

/** Times in milliseconds since the epoch. */
export interface Setting extends VacationWish {
  /** It holds from here on; left out: at once. */
  readonly start?: number
  /** Until here; left out: until it is taken away. */
  readonly end?: number
  readonly by: string
  readonly at: number
}

const CHANGED = 'vacation'
/** News may be lost: so long an empty table is believed to be empty. */
const EMPTY_MS = 5000
const PAGE = 1000

export class Settings {
  readonly #table: Table
  readonly #clock: Clock
  readonly #bus: Bus
  readonly #unsubscribe: () => void
  #emptyUntil = 0
  #news = 0

  constructor(table: Table, clock: Clock, bus: Bus) {
    this.#table = table
    this.#clock = clock
    this.#bus = bus
    this.#unsubscribe = bus.subscribe(CHANGED, () => this.#hear())
  }

  async of(accountId: string): Promise<Setting | undefined> {
    if (await this.#isEmpty()) return undefined
    const [text] = await this.#table.get([accountId])
    return text === undefined ? undefined : (JSON.parse(text) as Setting)
  }

  async #isEmpty(): Promise<boolean> {
    const now = this.#clock.now()
    if (now < this.#emptyUntil) return true
    const before = this.#news
    if ((await this.#table.size()) > 0) return false
    // What was counted while the news came may be from before it.
    if (this.#news === before) this.#emptyUntil = now + EMPTY_MS
    return true
  }

  #hear(): void {
    this.#news += 1
    this.#emptyUntil = 0
  }

  async *all(): AsyncGenerator<readonly [accountId: string, Setting]> {
    for (let after = ''; ; ) {
      const page = await this.#table.list('', after, PAGE)
      for (const { key, value } of page) yield [key, JSON.parse(value) as Setting]
      if (page.length < PAGE) return
      after = page.at(-1)!.key
    }
  }

  /** Durable when it resolves. */
  async put(accountId: string, setting: Setting | undefined): Promise<void> {
    const value = setting === undefined ? undefined : JSON.stringify(setting)
    await this.#table.write([{ key: accountId, value }])
    this.#hear()
    this.#bus.publish(CHANGED, accountId)
  }

  close(): void {
    this.#unsubscribe()
  }
}

/** Whether it holds at this time. */
export function holdsAt({ start, end }: Pick<Setting, 'start' | 'end'>, now: number): boolean {
  return (start === undefined || now >= start) && (end === undefined || now < end)
}
