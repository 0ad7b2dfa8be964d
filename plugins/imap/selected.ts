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
import type { Features } from './wire/features.js'
import { pairsOf, type Remembered, writeModseq } from './wire/modseq.js'
import { clip, formatRanges, inRanges, type NumberSet, type Ranges, rangesOf, resolveSet, SAVED } from './wire/set.js'
import { writeFlags } from './wire/write.js'

const ABSORB_MESSAGES = 5000
/** In one VANISHED; as many of them as it takes. */
const MOST_RANGES = 500

export class Selected {
  readonly mailbox: Mailbox
  readonly info: MailboxInfo
  readonly readOnly: boolean
  readonly view: View
  readonly structures = new StructureCache()
  /** UIDs of the last search that was saved, ascending (RFC 5182); those that are gone meanwhile may be among them. */
  saved: readonly number[] = []
  /** Something has happened in the store that the view does not know. */
  private stale = false
  /** The last look failed: do not look again at once. */
  private troubled = false
  /** The highest UID that was ever given here, as far as we know. */
  private given: number
  /** Highest MODSEQ told since the last tagged answer. */
  private heard = 0
  private onChange: (() => void) | undefined
  private readonly recents: Recents | undefined
  private readonly unwatch: () => void

  private constructor(
    mailbox: Mailbox,
    info: MailboxInfo,
    readOnly: boolean,
    view: View,
    recents: Recents | undefined,
  ) {
    this.recents = recents
    this.mailbox = mailbox
    this.info = info
    this.readOnly = readOnly
    this.view = view
    this.given = Math.max(info.uidNext - 1, view.lastUid)
    this.unwatch = mailbox.watch(() => {
      this.stale = true
      this.onChange?.()
    })
  }

  /** Without `recents` no message is recent, and others may have them as recent later. */
  static async open(mailbox: Mailbox, readOnly: boolean, recents: Recents | undefined): Promise<Selected> {
    const { info, roll } = await mailbox.snapshot()
    const selected = new Selected(mailbox, info, readOnly, new View(roll), recents)
    await selected.claimRecent(0)
    // What happened between the snapshot and the watch.
    selected.stale = true
    return selected
  }

  /** Messages above `known` have just come: those nobody was told of are recent here. EXAMINE takes nothing (RFC 3501 §6.3.2). */
  private async claimRecent(known: number): Promise<void> {
    const { newestUid } = this.view
    if (newestUid <= known || this.recents === undefined) return
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
      this.given = Math.max(this.given, changes.uidNext - 1)
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
    const vanished = changes.complete ? changes.vanished : await this.missing()
    this.view.absorb({ changed: [], vanished, modseq: changes.modseq })
  }

  /** What the view knows and the store does not have: for when so much was removed that the store has forgotten some of it. */
  private async missing(): Promise<number[]> {
    const { roll } = await this.mailbox.snapshot()
    return this.view.everyUid.filter(uid => roll.indexOf(uid) < 0)
  }

  /**
   * What was removed since a client was here last, of the UIDs it asks about (RFC 7162 §3.2.5, §3.2.6). When the store has forgotten some of it,
   * everything that is not there is told, but for the part the client proves to know.
   */
  async vanishedSince(modseq: number, uids: Ranges, places?: Remembered['places']): Promise<Ranges> {
    // A UID that was never given may still be given.
    const asked = clip(uids, 1, this.given)
    const { vanished, complete } = await this.mailbox.vanished(modseq)
    // What the client still has a number for is told as removed now, not as removed earlier.
    if (complete) return rangesOf(vanished.filter(uid => inRanges(asked, uid) && !this.view.has(uid)))
    const known = places === undefined ? 0 : this.view.lastMatch(pairsOf(places, this.view.count))
    return this.view.absent(clip(asked, known + 1, Number.MAX_SAFE_INTEGER))
  }

  /** As above, of a set. Its `*` is the last UID there ever was: who asks about `1:*` has to hear also that the last messages are gone. */
  vanishedOf(set: NumberSet, modseq: number): Promise<Ranges> {
    return this.vanishedSince(modseq, resolveSet(set, this.given))
  }

  /** The item as FETCH tells it; what a client keeps as HIGHESTMODSEQ follows from it. */
  writeModseq(modseq: number): string {
    return writeModseq(this.hear(modseq))
  }

  /** The client is about to be told it. */
  hear(modseq: number): number {
    if (modseq > this.heard) this.heard = modseq
    return modseq
  }

  /** A MODSEQ the client has heard is beyond what the view knows: other changes may lie between. */
  get behind(): boolean {
    return this.heard > this.view.modseq
  }

  /** RFC 7162 §3.2: the client shall not take the highest MODSEQ it heard for what it knows of. */
  takeMisleading(): boolean {
    const misleading = this.heard > this.view.safeModseq
    this.heard = 0
    return misleading
  }

  /** The UIDs a client's set names. */
  uids(set: NumberSet, uid: boolean): readonly number[] | Done {
    if (set === SAVED) return this.saved.filter(one => this.view.sequenceOf(one) !== undefined)
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
export function writeUpdate(update: Update, selected: Selected, features: Features): readonly string[] {
  const { readOnly } = selected
  switch (update.kind) {
    case 'expunge':
      // RFC 7162 §3.2.10
      if (features.enabled('QRESYNC')) return writeVanished('* VANISHED', rangesOf(update.uids))
      return update.sequences.map(sequence => `* ${sequence} EXPUNGE`)
    case 'exists':
      return [`* ${update.count} EXISTS`]
    case 'recent':
      return [`* ${update.count} RECENT`]
    case 'keywords':
      return writeKnownFlags(update.flags, readOnly)
    case 'flags': {
      const { uid, flags, modseq } = update.message
      const more = features.enabled('CONDSTORE') ? ` ${selected.writeModseq(modseq)}` : ''
      return [`* ${update.sequence} FETCH (UID ${uid} FLAGS ${writeFlags(flags)}${more})`]
    }
  }
}

export function writeVanished(response: '* VANISHED' | '* VANISHED (EARLIER)', ranges: Ranges): readonly string[] {
  const lines: string[] = []
  for (let at = 0; at < ranges.length; at += MOST_RANGES)
    lines.push(`${response} ${formatRanges(ranges.slice(at, at + MOST_RANGES))}`)
  return lines
}

export function writeKnownFlags(flags: readonly string[], readOnly: boolean): readonly string[] {
  const permanent = readOnly ? '()' : writeFlags([...flags, '\\*'])
  return [`* FLAGS ${writeFlags(flags)}`, `* OK [PERMANENTFLAGS ${permanent}] Flags that are kept`]
}
