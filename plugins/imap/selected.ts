/**
 * The mailbox a session has selected: the store's mailbox, the client's view of it, and what ties the two together.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Changes, Mailbox, MailboxInfo } from 'posthouse/api'
import { bad, type Done } from './answer.js'
import { ConversationOver } from './input.js'
import type { Recents } from './recents.js'
import { StructureCache } from './structure.js'
import { type Update, View } from './view.js'
import type { NumberSet } from './wire/set.js'
import { writeFlags } from './wire/write.js'

const ABSORB_MESSAGES = 5000

export class Selected {
  readonly mailbox: Mailbox
  readonly info: MailboxInfo
  readonly readOnly: boolean
  readonly view: View
  readonly structures = new StructureCache()
  /** Something has happened in the store that the view does not know. */
  private stale = false
  /** The last look failed: do not look again at once. */
  private troubled = false
  private onChange: (() => void) | undefined
  private readonly recents: Recents
  private readonly unwatch: () => void

  private constructor(mailbox: Mailbox, info: MailboxInfo, readOnly: boolean, view: View, recents: Recents) {
    this.recents = recents
    this.mailbox = mailbox
    this.info = info
    this.readOnly = readOnly
    this.view = view
    this.unwatch = mailbox.watch(() => {
      this.stale = true
      this.onChange?.()
    })
  }

  static async open(mailbox: Mailbox, readOnly: boolean, recents: Recents): Promise<Selected> {
    // In this order: whatever comes between the two is in the list and comes again as a change that changes nothing.
    const info = await mailbox.info()
    const entries = await mailbox.list()
    const selected = new Selected(mailbox, info, readOnly, new View(entries, info.highestModseq), recents)
    await selected.claimRecent(0)
    // What happened between the list and the watch.
    selected.stale = true
    return selected
  }

  /** Messages above `known` have just come: those nobody was told of are recent here. EXAMINE takes nothing (RFC 3501 §6.3.2). */
  private async claimRecent(known: number): Promise<void> {
    const { newestUid } = this.view
    if (newestUid <= known) return
    const first = await this.recents.first(this.mailbox.id, newestUid + 1, !this.readOnly)
    this.view.markRecent(Math.max(first, known + 1))
  }

  close(): void {
    this.unwatch()
    this.onChange = undefined
  }

  /** The view is behind: take changes in at the next occasion. */
  touch(): void {
    this.stale = true
  }

  /** Calls when the mailbox changes, also if it already has; at most once. */
  notify(listener: () => void): void {
    this.onChange = () => {
      this.onChange = undefined
      listener()
    }
    if (this.stale && !this.troubled) this.onChange()
  }

  stopNotifying(): void {
    this.onChange = undefined
  }

  /** Takes in what happened, if anything. */
  async refresh(): Promise<void> {
    if (!this.stale) return
    this.stale = false
    try {
      const changes = await this.mailbox.changes(this.view.modseq)
      // RFC 2180 §3: a client cannot go on with a mailbox that is gone.
      if (changes.gone) throw new ConversationOver('mailbox-gone')
      const known = this.view.newestUid
      await this.absorb(changes)
      await this.claimRecent(known)
      this.troubled = false
    } catch (error) {
      this.stale = true
      this.troubled = true
      throw error
    }
  }

  /** Many changes are taken in piece by piece: other sessions come between. */
  private async absorb(changes: Changes): Promise<void> {
    for (let at = 0; at < changes.changed.length; at += ABSORB_MESSAGES) {
      if (at > 0) await turn()
      const changed = changes.changed.slice(at, at + ABSORB_MESSAGES)
      this.view.absorb({ changed, vanished: [], modseq: this.view.modseq })
    }
    this.view.absorb({ changed: [], vanished: changes.vanished, modseq: changes.modseq })
  }

  /** The UIDs a client's set names. */
  uids(set: NumberSet, uid: boolean): readonly number[] | Done {
    if (uid) return this.view.byUid(set)
    const uids = this.view.bySequence(set)
    if (!('tooLarge' in uids)) return uids
    return bad(`There is no message ${uids.tooLarge}, the mailbox has ${this.view.count}`)
  }
}

export function isDone(value: readonly number[] | Done): value is Done {
  return 'kind' in value
}

/** Untagged responses, without line ends. */
export function writeUpdate(update: Update, readOnly: boolean): readonly string[] {
  switch (update.kind) {
    case 'expunge':
      return [`* ${update.sequence} EXPUNGE`]
    case 'exists':
      return [`* ${update.count} EXISTS`]
    case 'recent':
      return [`* ${update.count} RECENT`]
    case 'keywords':
      return writeKnownFlags(update.flags, readOnly)
    case 'flags':
      return [`* ${update.sequence} FETCH (UID ${update.uid} FLAGS ${writeFlags(update.flags)})`]
  }
}

export function writeKnownFlags(flags: readonly string[], readOnly: boolean): readonly string[] {
  const permanent = readOnly ? '()' : writeFlags([...flags, '\\*'])
  return [`* FLAGS ${writeFlags(flags)}`, `* OK [PERMANENTFLAGS ${permanent}] Flags that are kept`]
}
