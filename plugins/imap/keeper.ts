/**
 * Keeps digests and indexes of mailboxes up in the background. What arrives in this process is looked into soon after, but only while the process
 * has little else to do: mail is taken in as fast as without, and what nobody has looked into yet is looked into when somebody asks for it.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log, Mailbox, MailEntry, MailStore } from 'posthouse/api'
import { digestOf, isCurrent } from './digest.js'
import type { Gate } from './gate.js'

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

export class Keeper {
  private readonly mail: MailStore
  private readonly log: Log
  private readonly gate: Gate
  /** Account by mailbox. */
  private readonly waiting = new Map<string, string>()
  /** Highest UID that was looked at, by mailbox. */
  private readonly done = new Map<string, number>()
  private readonly over = new AbortController()
  private unwatch: () => void = () => undefined
  private running: Promise<void> | undefined

  constructor(mail: MailStore, gate: Gate, log: Log) {
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
    const { uidNext } = await mailbox.info()
    const from = (this.done.get(mailbox.id) ?? uidNext - 1 - LOOKED_BACK) + 1
    const entries = await mailbox.list(Math.max(1, from))
    const known = await mailbox.digests(entries, isCurrent)
    const missing = entries.filter((entry, index) => known[index] !== true && entry.size <= LARGEST)
    for (const [index, batch] of batches(missing).entries()) {
      // Its own work is not counted: nothing of it runs while the load is measured.
      if (index > 0 && !(await this.idle())) return
      await mailbox.keepDigests(await this.digests(mailbox, batch))
    }
    this.done.delete(mailbox.id)
    this.done.set(mailbox.id, entries.at(-1)?.uid ?? uidNext - 1)
    for (const oldest of this.done.keys()) {
      if (this.done.size <= MOST_KNOWN) break
      this.done.delete(oldest)
    }
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
