/**
 * Keeps digests and indexes of mailboxes up in the background, and rolls after many changes at once. What arrives in this process is looked into soon after, but only while the process
 * has little else to do: mail is taken in as fast as without, and what nobody has looked into yet is looked into when somebody asks for it.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log, Mailbox, MailEntry, MailStore, NewIndexBlock } from 'posthouse/api'
import { behind, blocksOf, buildBlock } from './blocks/building.js'
import { MOST_MESSAGES } from './blocks/list.js'
import { digestOf, isCurrent } from './digest.js'
import type { Gate } from './gate.js'
import { Turns } from './turns.js'

/** The share of the last moment in which the process may have been busy. */
const BUSY = 0.5
const WAIT_MS = 100
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

/** Neighbouring blocks of which little is left, and the one before them. */
export interface Thin {
  readonly after: number
  readonly blocks: readonly number[]
}

export class Keeper {
  private readonly mail: MailStore
  private readonly log: Log
  private readonly gate: Gate
  /** Account by mailbox. */
  private readonly waiting = new Map<string, string>()
  /** By mailbox, as the next two. */
  private readonly done = new Map<string, Done>()
  private readonly thin = new Map<string, readonly Thin[]>()
  /** Mailboxes in which much has changed at once. */
  private readonly changed = new Set<string>()
  /** How much of a message is searched. */
  private readonly searchBytes: number
  private readonly over = new AbortController()
  private unwatch: () => void = () => undefined
  private running: Promise<void> | undefined

  constructor(mail: MailStore, gate: Gate, log: Log, searchBytes: number) {
    this.searchBytes = searchBytes
    this.mail = mail
    this.gate = gate
    this.log = log
  }

  start(): void {
    this.unwatch = this.mail.watchArrivals((accountId, mailboxId) => this.wake(accountId, mailboxId))
  }

  async stop(): Promise<void> {
    this.unwatch()
    this.over.abort()
    await this.running
  }

  /** Something is to be done for a mailbox. */
  wake(accountId: string, mailboxId: string): void {
    if (this.over.signal.aborted || this.waiting.size >= MOST_WAITING) return
    this.waiting.set(mailboxId, accountId)
    this.running ??= this.run().finally(() => {
      this.running = undefined
    })
  }

  /** Digests somebody had to make: they are kept by the way. */
  keep(mailbox: Mailbox, made: readonly (readonly [MailEntry, Buffer])[]): void {
    if (made.length === 0) return
    mailbox.keepDigests(made).catch((error: unknown) => this.log.debug({ err: error }, 'digests were not kept'))
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
      if (!(await this.idle())) return
      const [mailboxId, accountId] = this.waiting.entries().next().value!
      this.waiting.delete(mailboxId)
      try {
        await this.look(await this.mail.open(accountId, mailboxId))
      } catch (error) {
        // The mailbox is gone, or the store has other troubles: what is missing is made when somebody asks.
        this.log.debug({ err: error }, 'a mailbox could not be looked into')
        if (!this.waiting.has(mailboxId)) this.changed.delete(mailboxId)
      }
    }
  }

  /** Resolves when the process has little to do; false when it ends. */
  private async idle(): Promise<boolean> {
    for (;;) {
      const before = performance.eventLoopUtilization()
      await sleep(WAIT_MS, undefined, { signal: this.over.signal, ref: false }).catch(() => undefined)
      if (this.over.signal.aborted) return false
      if (performance.eventLoopUtilization(before).utilization < BUSY) return true
    }
  }

  private async look(mailbox: Mailbox): Promise<void> {
    if (this.changed.delete(mailbox.id)) await mailbox.snapshot()
    const { uidNext } = await mailbox.info()
    const done = this.done.get(mailbox.id)
    if (!(await this.digest(mailbox, (done?.uid ?? uidNext - 1 - LOOKED_BACK) + 1))) return
    const block = await this.index(mailbox, done?.block ?? (await lastBlock(mailbox)), uidNext)
    for (const thin of this.thin.get(mailbox.id) ?? []) await this.gather(mailbox, thin)
    this.thin.delete(mailbox.id)
    this.done.delete(mailbox.id)
    this.done.set(mailbox.id, { uid: uidNext - 1, block })
    for (const oldest of this.done.keys()) {
      if (this.done.size <= MOST_KNOWN) break
      this.done.delete(oldest)
    }
  }

  /** Of messages from this UID on. False when it ends. */
  private async digest(mailbox: Mailbox, from: number): Promise<boolean> {
    const entries = await mailbox.list(Math.max(1, from))
    const known = await mailbox.digests(entries, isCurrent)
    const missing = entries.filter((entry, index) => known[index] !== true && entry.size <= LARGEST)
    for (const [index, batch] of batches(missing).entries()) {
      // Its own work is not counted: nothing of it runs while the load is measured.
      if (index > 0 && !(await this.idle())) return false
      await mailbox.keepDigests(await this.digests(mailbox, batch))
    }
    return true
  }

  /** Adds blocks while there are messages for whole ones. Resolves to the last there is. */
  private async index(mailbox: Mailbox, known: number, uidNext: number): Promise<number> {
    let last = known
    while (uidNext - 1 - last >= MOST_MESSAGES) {
      const entries = await behind(mailbox, last, uidNext)
      if (entries.length < MOST_MESSAGES || !(await this.idle())) break
      const block = await this.build(mailbox, entries)
      if (block === undefined) break
      // Another process may have been quicker.
      last = (await mailbox.index.add(block, last)) ? block.block : await lastBlock(mailbox)
    }
    return last
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
