/**
 * Keeps digests and indexes of mailboxes up in the background, and rolls after many changes at once. What arrives in this process is looked into some seconds later, but only while
 * the process has little else to do: mail is taken in as fast as without, and what nobody has looked into yet is looked into when somebody asks for it. Other processes may have taken in
 * mail for the same mailbox and look into it as well: each wait is of another length, and who finds that another one is at it leaves it to that one.
 */
import { randomInt } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log, Mailbox, MailEntry, MailStore, NewIndexBlock } from 'posthouse/api'
import { behind, blocksOf, buildBlock } from './blocks/building.js'
import { MOST_MESSAGES } from './blocks/list.js'
import { digestOf, isCurrent, saysAll } from './digest.js'
import type { Gate } from './gate.js'
import { Leisure } from './leisure.js'
import { Turns } from './turns.js'

const WAIT_MS = 100
/** From an arrival until its mailbox is looked into, at least and at most: what comes meanwhile is looked into with it. */
const REST_MS = [1500, 3000] as const
/** Mailboxes that wait; of more the digests are made when somebody asks. */
const MOST_WAITING = 10_000
/** Mailboxes of which is known how far they are done. */
const MOST_KNOWN = 50_000
/** Of a mailbox nobody has looked at since the start, so many of its last messages are looked at. */
const LOOKED_BACK = 100
/** Looked into before the load is looked at again. */
const BATCH_MESSAGES = 100
const BATCH_BYTES = 1024 * 1024
/** Above this a message is looked into when somebody asks. */
const LARGEST = 32 * 1024 * 1024

/** So many changes at once are taken in before somebody opens the mailbox the next time. */
const MANY_CHANGES = 1000

/** How far a mailbox is done. */
interface Done {
  /** Highest UID that was looked at. */
  readonly uid: number
  /** Last block of the index. */
  readonly block: number
}

/** A mailbox that waits. */
interface Waiting {
  readonly accountId: string
  /** When it may be looked into, by the monotonic clock. */
  readonly from: number
}

/** Neighbouring blocks of which little is left, and the one before them. */
export interface Thin {
  readonly after: number
  readonly blocks: readonly number[]
}

export class Keeper {
  private readonly mail: MailStore
  private readonly log: Log
  private readonly gate: Gate
  /** By mailbox. */
  private readonly waiting = new Map<string, Waiting>()
  /** By mailbox, as the next two. */
  private readonly done = new Map<string, Done>()
  private readonly thin = new Map<string, readonly Thin[]>()
  /** Mailboxes in which much has changed at once. */
  private readonly changed = new Set<string>()
  /** How much of a message is searched. */
  private readonly searchBytes: number
  private readonly restMs: () => number
  private readonly over = new AbortController()
  private readonly leisure = new Leisure()
  private unwatch: () => void = () => undefined
  private running: Promise<void> | undefined

  /** `restMs`: from an arrival until it is looked into. */
  constructor(mail: MailStore, gate: Gate, log: Log, searchBytes: number, restMs = () => randomInt(...REST_MS)) {
    this.restMs = restMs
    this.searchBytes = searchBytes
    this.mail = mail
    this.gate = gate
    this.log = log
  }

  start(): void {
    this.unwatch = this.mail.watchArrivals((accountId, mailboxId) => {
      const known = this.done.has(mailboxId) || this.waiting.has(mailboxId)
      this.wake(accountId, mailboxId, this.restMs())
      if (!known && this.waiting.has(mailboxId)) void this.note(accountId, mailboxId)
    })
  }

  /** Where looking begins: much more may come than is looked back on until there is time. */
  private async note(accountId: string, mailboxId: string): Promise<void> {
    try {
      const { uidNext } = await (await this.mail.open(accountId, mailboxId)).info()
      if (!this.done.has(mailboxId)) this.remember(mailboxId, { uid: Math.max(0, uidNext - 1 - LOOKED_BACK), block: 0 })
    } catch (error) {
      this.log.debug({ err: error }, 'a mailbox could not be looked at')
    }
  }

  private remember(mailboxId: string, done: Done): void {
    this.done.delete(mailboxId)
    this.done.set(mailboxId, done)
    for (const oldest of this.done.keys()) {
      if (this.done.size <= MOST_KNOWN) break
      this.done.delete(oldest)
    }
  }

  async stop(): Promise<void> {
    this.unwatch()
    this.over.abort()
    await this.running
  }

  /** Something is to be done for a mailbox, after a while. */
  private wake(accountId: string, mailboxId: string, inMs = 0): void {
    if (this.over.signal.aborted || this.waiting.size >= MOST_WAITING) return
    const from = performance.now() + inMs
    // Mail that keeps coming does not put it off.
    if (from >= (this.waiting.get(mailboxId)?.from ?? Number.POSITIVE_INFINITY)) return
    this.waiting.set(mailboxId, { accountId, from })
    this.begin()
  }

  private begin(): void {
    this.running ??= this.run().finally(() => {
      this.running = undefined
      // What came between its last look and now.
      if (this.waiting.size > 0 && !this.over.signal.aborted) this.begin()
    })
  }

  /** Digests somebody had to make: they are kept by the way. */
  keep(mailbox: Mailbox, made: readonly (readonly [MailEntry, Buffer])[]): void {
    if (made.length === 0) return
    mailbox
      .keepDigests(made, saysAll)
      .catch((error: unknown) => this.log.debug({ err: error }, 'digests were not kept'))
  }

  /** A block that a search had to make. Resolves when it is kept, or another one was in its place, or it could not be. */
  async keepBlock(mailbox: Mailbox, block: NewIndexBlock, after: number): Promise<void> {
    try {
      await mailbox.index.add(block, after)
    } catch (error) {
      this.log.debug({ err: error }, 'a block of the index was not kept')
    }
  }

  /** Most of what these blocks tell of is gone: they are to be gathered into fewer. */
  tidy(mailbox: Mailbox, thin: readonly Thin[]): void {
    if (thin.length === 0) return
    this.wake(mailbox.accountId, mailbox.id)
    if (this.waiting.has(mailbox.id)) this.thin.set(mailbox.id, thin)
  }

  /** So many messages of a mailbox have changed at once: who opens it next shall not wait until all that is read. */
  changes(mailbox: Mailbox, count: number): void {
    if (count < MANY_CHANGES) return
    this.wake(mailbox.accountId, mailbox.id)
    if (this.waiting.has(mailbox.id)) this.changed.add(mailbox.id)
  }

  /** Resolves when nothing waits: for tests. */
  async settled(): Promise<void> {
    await this.running
  }

  private async run(): Promise<void> {
    while (this.waiting.size > 0 && !this.over.signal.aborted) {
      const [mailboxId, { accountId, from }] = this.first()
      if (from > performance.now()) {
        // Something else may come that waits less.
        await this.sleep(Math.min(WAIT_MS, from - performance.now()))
        continue
      }
      if (!(await this.idle())) return
      this.waiting.delete(mailboxId)
      try {
        const done = await this.look(await this.mail.open(accountId, mailboxId))
        // Should the other one end before it is done, we come again.
        if (!done) this.wake(accountId, mailboxId, this.restMs())
      } catch (error) {
        // The mailbox is gone, or the store has other troubles: what is missing is made when somebody asks.
        this.log.debug({ err: error }, 'a mailbox could not be looked into')
        if (!this.waiting.has(mailboxId)) {
          this.changed.delete(mailboxId)
          this.thin.delete(mailboxId)
        }
      }
    }
    this.leisure.over()
  }

  /** The mailbox whose turn is next. */
  private first(): readonly [string, Waiting] {
    let first: readonly [string, Waiting] | undefined
    for (const one of this.waiting) if (first === undefined || one[1].from < first[1].from) first = one
    return first!
  }

  private async sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.over.signal, ref: false }).catch(() => undefined)
  }

  /** Resolves when the process has little to do; false when it ends. */
  private async idle(): Promise<boolean> {
    for (;;) {
      const before = performance.eventLoopUtilization()
      await this.sleep(WAIT_MS)
      if (this.over.signal.aborted) return false
      if (this.leisure.allows(performance.now(), performance.eventLoopUtilization(before).utilization)) return true
    }
  }

  /** False: another process is at it. */
  private async look(mailbox: Mailbox): Promise<boolean> {
    if (this.changed.delete(mailbox.id)) await mailbox.snapshot()
    const { uidNext } = await mailbox.info()
    const done = this.done.get(mailbox.id)
    if (!(await this.digest(mailbox, (done?.uid ?? uidNext - 1 - LOOKED_BACK) + 1))) return true
    const { last: block, alone } = await this.index(mailbox, done?.block ?? 0, uidNext)
    for (const thin of this.thin.get(mailbox.id) ?? []) await this.gather(mailbox, thin)
    this.thin.delete(mailbox.id)
    this.remember(mailbox.id, { uid: uidNext - 1, block })
    return alone
  }

  /** Of messages from this UID on. False when it ends. */
  private async digest(mailbox: Mailbox, from: number): Promise<boolean> {
    const missing = await without(mailbox, await mailbox.list(Math.max(1, from)))
    // In no order: another process that is at the same mailbox begins elsewhere, and what it has made by then is passed over.
    for (const [index, batch] of shuffled(batches(missing)).entries()) {
      // Its own work is not counted: nothing of it runs while the load is measured.
      if (index > 0 && !(await this.idle())) return false
      const made = await this.digests(mailbox, index > 0 ? await without(mailbox, batch) : batch)
      await mailbox.keepDigests(made, saysAll)
    }
    return true
  }

  /** Adds blocks while there are messages for whole ones. Resolves to the last there is, and whether no other process adds some. */
  private async index(mailbox: Mailbox, known: number, uidNext: number): Promise<{ last: number; alone: boolean }> {
    // Looked up only where there may be something to do: it reads all heads.
    let last = uidNext - 1 - known >= MOST_MESSAGES ? await lastBlock(mailbox) : known
    while (uidNext - 1 - last >= MOST_MESSAGES) {
      const entries = await behind(mailbox, last, uidNext)
      if (entries.length < MOST_MESSAGES || !(await this.idle())) break
      // While we waited, or built it, another process may have been quicker.
      const before = await lastBlock(mailbox)
      if (before !== last) return { last: before, alone: false }
      const block = await this.build(mailbox, entries)
      if (block === undefined) break
      if (!(await mailbox.index.add(block, last))) return { last: await lastBlock(mailbox), alone: false }
      last = block.block
    }
    return { last, alone: true }
  }

  private async gather(mailbox: Mailbox, { after, blocks }: Thin): Promise<void> {
    const last = blocks.at(-1)!
    const entries = await mailbox.list(after + 1, last)
    if (entries.length > MOST_MESSAGES || !(await this.idle())) return
    const block = await this.build(mailbox, entries)
    // One that is full before its end would lose the rest.
    const whole = block !== undefined && block.block === (entries.at(-1)?.uid ?? 0)
    if (whole) await mailbox.index.replace(blocks, { ...block, block: last })
  }

  private build(mailbox: Mailbox, entries: readonly MailEntry[]): Promise<NewIndexBlock | undefined> {
    const { gate, searchBytes: maxBytes } = this
    const over = () => this.over.signal.aborted
    return buildBlock(mailbox, entries, { gate, maxBytes, turns: new Turns(), over })
  }

  private async digests(mailbox: Mailbox, entries: readonly MailEntry[]): Promise<(readonly [MailEntry, Buffer])[]> {
    const made: (readonly [MailEntry, Buffer])[] = []
    for (const entry of entries) {
      const bytes = await this.gate.pass(() => mailbox.read(entry)).catch(() => undefined)
      if (bytes !== undefined) made.push([entry, digestOf(bytes)])
      await new Promise(setImmediate)
    }
    return made
  }
}

async function lastBlock(mailbox: Mailbox): Promise<number> {
  return (await blocksOf(mailbox)).at(-1)?.last ?? 0
}

/** Those that have no digest of today's version, and are not too large for one. */
async function without(mailbox: Mailbox, entries: readonly MailEntry[]): Promise<readonly MailEntry[]> {
  const known = await mailbox.digests(entries, isCurrent)
  return entries.filter((entry, index) => known[index] !== true && entry.size <= LARGEST)
}

function shuffled<T>(all: T[]): T[] {
  for (let at = all.length - 1; at > 0; at--) {
    const other = randomInt(at + 1)
    const one = all[at]!
    all[at] = all[other]!
    all[other] = one
  }
  return all
}

function batches(entries: readonly MailEntry[]): MailEntry[][] {
  const found: MailEntry[][] = []
  let bytes = 0
  for (const entry of entries) {
    const last = found.at(-1)
    bytes += entry.size
    if (last && last.length < BATCH_MESSAGES && bytes <= BATCH_BYTES) last.push(entry)
    else {
      found.push([entry])
      bytes = entry.size
    }
  }
  return found
}
