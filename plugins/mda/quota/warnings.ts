/**
 * Tells people by mail that their mailbox fills up: once for each threshold that is crossed, and again only after there was clearly less in it.
 * It looks at an account after mail has come into it, by whatever way, and when mail was turned away; not on the way of a mail. What was told stands
 * in State, so that it is told once by all workers and over restarts; it is noted after the mail was accepted, so that none is lost by a crash.
 */
import type { Account, Accounts, Clock, Log, MailStore, Metrics, Notifier, State } from 'posthouse/api'
import { addressOfKey } from 'posthouse/text'
import type { QuotaKeeper } from './keeper.js'
import { letterOf } from './letter.js'
import { hasQuota, isOver, shareOf } from './room.js'

export interface QuotaWarningParts {
  readonly accounts: Accounts
  readonly mail: MailStore
  readonly keeper: QuotaKeeper
  readonly state: State
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly notifier: () => Pick<Notifier, 'tell'> | undefined
  /** Hundredths of the quota. */
  readonly at: readonly number[]
  readonly full: 'defer' | 'refuse'
  /** Whom to ask for more. */
  readonly contact?: string
}

/** Hundredths of the quota, or that a message found no room: of that people hear whatever else they hear of. */
type Mark = number | typeof TURNED_AWAY
const TURNED_AWAY = 'turned-away'

/** Much mail at once is looked at once. */
const SOON_MS = 1000
/** So far below a threshold it counts as crossed anew. */
const CLEARLY = 5
const FULL = 100
const KEPT_MS = 400 * 86_400_000
/** Who goes up and down all day hears of a threshold once a day. */
const EVERY_MS = 86_400_000

export class QuotaWarnings {
  readonly #parts: QuotaWarningParts
  /** Ascending. */
  readonly #marks: readonly Mark[]
  /** Accounts to be looked at; `true`: mail for it was turned away. */
  readonly #waiting = new Map<string, boolean>()
  #timer: NodeJS.Timeout | undefined
  #work: Promise<void> = Promise.resolve()
  #stop: (() => void) | undefined

  constructor(parts: QuotaWarningParts) {
    this.#parts = parts
    this.#marks = [...[...parts.at].sort((a, b) => a - b), TURNED_AWAY]
  }

  start(): void {
    this.#stop = this.#parts.mail.watchArrivals(accountId => this.look(accountId))
    this.#parts.keeper.onTurnedAway(accountId => this.look(accountId, true))
  }

  /** Soon. */
  look(accountId: string, turnedAway = false): void {
    this.#waiting.set(accountId, turnedAway || this.#waiting.get(accountId) === true)
    if (this.#timer !== undefined || this.#stop === undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#work = this.#work.then(() => this.#lookAtAll())
    }, SOON_MS)
    this.#timer.unref()
  }

  /** What waits is looked at after the next mail. */
  async end(): Promise<void> {
    this.#stop?.()
    this.#stop = undefined
    clearTimeout(this.#timer)
    await this.#work
  }

  async #lookAtAll(): Promise<void> {
    const all = [...this.#waiting]
    this.#waiting.clear()
    for (const [accountId, turnedAway] of all) {
      try {
        await this.lookAt(accountId, turnedAway)
      } catch (error) {
        this.#parts.log.warn({ account: accountId, err: error }, 'a quota could not be looked at')
      }
    }
  }

  /** At once. */
  async lookAt(accountId: string, turnedAway: boolean): Promise<void> {
    const { accounts, mail, keeper, state, clock } = this.#parts
    const account = await accounts.byId(accountId)
    if (account === undefined || !hasQuota(account)) return
    const used = await mail.usage(accountId)
    await keeper.note(account, used)
    const share = shareOf(account, used)
    const told = await Promise.all(this.#marks.map(mark => state.get(keyOf(accountId, mark), clock.now())))
    const news: Mark[] = []
    for (const [at, mark] of this.#marks.entries()) {
      const reached = turnedAway || (mark !== TURNED_AWAY && share >= mark)
      if (reached && told[at] === undefined) news.push(mark)
      if (!reached && told[at] !== undefined && share < thresholdOf(mark) - CLEARLY)
        await state.remove(keyOf(accountId, mark))
    }
    const highest = news.at(-1)
    // What was reached before is no news, whatever else is said now.
    if (highest === undefined || (turnedAway && highest !== TURNED_AWAY)) return
    if (!(await this.#tell(account, highest))) return
    for (const mark of news) await state.put(keyOf(accountId, mark), String(clock.now()), clock.now() + KEPT_MS)
  }

  /** Whether it was accepted now; if not, somebody else has just told it, or it is tried again after the next mail. */
  async #tell(account: Account, mark: Mark): Promise<boolean> {
    const { mail, keeper, full, contact, metrics } = this.#parts
    const to = addressOfKey(account.addresses[0] ?? '')
    const notifier = this.#parts.notifier()
    if (to === undefined || notifier === undefined) return false
    const used = await mail.usage(account.id)
    const until = await keeper.graceUntil(account, used)
    const over = isOver(account, used)
    const { subject, text } = letterOf({
      ...{ account, used, full, over, turnedAway: mark === TURNED_AWAY, folders: await mail.list(account.id) },
      ...(until !== undefined && { until }),
      ...(contact !== undefined && { contact }),
    })
    const accepted = await notifier.tell({ to, about: `quota ${account.id} ${mark}`, subject, text, everyMs: EVERY_MS })
    if (accepted) metrics.count('quota.warnings')
    return accepted
  }
}

function thresholdOf(mark: Mark): number {
  return mark === TURNED_AWAY ? FULL : mark
}

function keyOf(accountId: string, mark: Mark): string {
  return `warned/${accountId}/${mark}`
}
