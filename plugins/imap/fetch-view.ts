/**
 * FETCH of what the view alone knows: UIDs, flags, MODSEQs. Mail programs ask it of whole mailboxes again and again, so nothing is made for a message
 * but the octets that go out.
 */
import { type Selected, writeUpdate } from './selected.js'
import type { Session } from './session.js'
import type { FetchItem } from './wire/fetch-items.js'
import { Octets } from './wire/octets.js'
import { writeFlags } from './wire/write.js'

export type ViewItem = Extract<FetchItem, { kind: 'uid' | 'flags' | 'modseq' }>

export function isInView(item: FetchItem): item is ViewItem {
  return item.kind === 'uid' || item.kind === 'flags' || item.kind === 'modseq'
}

/** Handed on by so much. */
const CHUNK_BYTES = 64 * 1024

const octetsOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const [STAR, OPEN, CLOSE] = [octetsOf('* '), octetsOf(' FETCH ('), octetsOf(')\r\n')]
const [SPACE, UID, FLAGS] = [octetsOf(' '), octetsOf('UID '), octetsOf('FLAGS ')]
const [MODSEQ, CLOSE_MODSEQ] = [octetsOf('MODSEQ ('), octetsOf(')')]

export async function fetchFromView(
  session: Session,
  uids: readonly number[],
  items: readonly ViewItem[],
): Promise<void> {
  const { open, output } = session
  const { view } = open
  const writer = new LineWriter(open, items)
  tellKeywords(session)
  for (const uid of uids) {
    const sequence = view.sequenceOf(uid)
    if (sequence === undefined) continue
    writer.line(uid, sequence)
    if (writer.octets.length < CHUNK_BYTES) continue
    output.write(writer.octets.take())
    await output.room()
  }
  if (writer.octets.length > 0) output.write(writer.octets.take())
}

export function tellKeywords(session: Session): void {
  const update = session.open.view.newKeywords()
  for (const line of update ? writeUpdate(update, session.open, session.features) : []) session.say(line)
}

class LineWriter {
  readonly octets = new Octets()
  private readonly open: Selected
  private readonly kinds: readonly ViewItem['kind'][]
  private readonly withFlags: boolean
  private readonly withModseq: boolean
  /** A mailbox has few different sets of flags. */
  private readonly written = new Map<readonly string[], Uint8Array>()
  private readonly writtenRecent = new Map<readonly string[], Uint8Array>()

  constructor(open: Selected, items: readonly ViewItem[]) {
    this.open = open
    this.kinds = items.map(({ kind }) => kind)
    this.withFlags = this.kinds.includes('flags')
    this.withModseq = this.kinds.includes('modseq')
  }

  line(uid: number, sequence: number): void {
    const { octets, kinds } = this
    octets.put(STAR)
    octets.putNumber(sequence)
    octets.put(OPEN)
    for (let at = 0; at < kinds.length; at++) {
      if (at > 0) octets.put(SPACE)
      this.item(kinds[at]!, uid, sequence - 1)
    }
    octets.put(CLOSE)
    if (this.withFlags) this.open.view.toldAsKnown(uid, this.withModseq)
  }

  private item(kind: ViewItem['kind'], uid: number, index: number): void {
    const { octets, open } = this
    switch (kind) {
      case 'uid':
        octets.put(UID)
        octets.putNumber(uid)
        return
      case 'flags':
        octets.put(FLAGS)
        octets.put(this.flags(uid, open.view.flagsAt(index)))
        return
      case 'modseq':
        octets.put(MODSEQ)
        octets.putNumber(open.hear(open.view.modseqAt(index)))
        octets.put(CLOSE_MODSEQ)
        return
    }
  }

  private flags(uid: number, flags: readonly string[]): Uint8Array {
    const { view } = this.open
    const recent = view.recentCount > 0 && view.isRecent(uid)
    const written = recent ? this.writtenRecent : this.written
    const known = written.get(flags)
    if (known !== undefined) return known
    const octets = octetsOf(writeFlags(view.written(uid, flags)))
    written.set(flags, octets)
    return octets
  }
}
