/** What owners have set, by account, in a table of the store: a change holds in all workers with the next message. */
import { type Bus, type Clock, type Table, type VacationWish, WatchedTable } from 'posthouse/api'

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

export class Settings {
  readonly #table: WatchedTable

  constructor(table: Table, clock: Clock, bus: Bus) {
    this.#table = new WatchedTable(table, CHANGED, { clock, bus })
  }

  async of(accountId: string): Promise<Setting | undefined> {
    const [text] = await this.#table.get([accountId])
    return text === undefined ? undefined : (JSON.parse(text) as Setting)
  }

  async *all(): AsyncGenerator<readonly [accountId: string, Setting]> {
    for await (const { key, value } of this.#table.all()) yield [key, JSON.parse(value) as Setting]
  }

  /** Durable when it resolves. */
  put(accountId: string, setting: Setting | undefined): Promise<void> {
    return this.#table.put(accountId, setting === undefined ? undefined : JSON.stringify(setting))
  }

  close(): void {
    this.#table.close()
  }
}

/** Whether it holds at this time. */
export function holdsAt({ start, end }: Pick<Setting, 'start' | 'end'>, now: number): boolean {
  return (start === undefined || now >= start) && (end === undefined || now < end)
}
