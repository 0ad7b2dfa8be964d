/**
 * A list of different texts, each with those of up to 256 messages in which it is, in two pieces: all texts one behind the other, which is looked
 * through as it stands, and the messages, of which a search reads those that belong to what it found. The lines of the first end in LF; the second
 * has marks at every 32nd line, so that few are counted to know which one a place is in.
 */

/** A message by its place in the block. */
export const MOST_MESSAGES = 256

const LF = 10
const MARK_EVERY = 32
const MARK_BYTES = 8
/** From so many messages on, a bit for each is shorter. */
const AS_BITS = 32
const BITS_BYTES = MOST_MESSAGES / 8

export class ListBuilder {
  private readonly messages = new Map<string, number[]>()
  /** Characters of all texts. */
  length = 0

  get size(): number {
    return this.messages.size
  }

  /** Messages come one after the other. The text holds no LF. Gives how many characters are new to the message. */
  add(text: string, message: number): number {
    const known = this.messages.get(text)
    if (known === undefined) {
      this.messages.set(text, [message])
      this.length += text.length
      return text.length
    }
    if (known[known.length - 1] === message) return 0
    known.push(message)
    return text.length
  }

  finish(): { readonly texts: Buffer; readonly messages: Buffer } {
    const texts = Buffer.from(this.messages.size === 0 ? '' : `\n${[...this.messages.keys()].join('\n')}\n`)
    const marks = Buffer.alloc(4 + MARK_BYTES * Math.ceil(this.messages.size / MARK_EVERY))
    marks.writeUInt32LE(Math.ceil(this.messages.size / MARK_EVERY))
    const places: number[] = []
    let [index, line] = [0, 1]
    for (const list of this.messages.values()) {
      if (index % MARK_EVERY === 0) {
        const mark = 4 + MARK_BYTES * (index / MARK_EVERY)
        marks.writeUInt32LE(line, mark)
        marks.writeUInt32LE(places.length, mark + 4)
      }
      index += 1
      line = texts.indexOf(LF, line) + 1
      if (list.length < AS_BITS) {
        places.push(list.length)
        for (const message of list) places.push(message)
      } else {
        const bits = new Uint8Array(BITS_BYTES)
        for (const message of list) bits[message >> 3]! |= 1 << (message & 7)
        places.push(255, ...bits)
      }
    }
    return { texts, messages: Buffer.concat([marks, Buffer.from(places)]) }
  }
}

/**
 * Sets `found` at every message of the texts in which the needle occurs; ends early once `enough` of them are set. `first` is where it occurs first.
 */
export function gather(
  texts: Buffer,
  messages: Buffer,
  needle: Buffer,
  first: number,
  enough: number,
  found: Uint8Array,
): void {
  const lines = new Lines(texts, messages)
  // A needle that must stand at the beginning has the LF before it.
  const shift = needle[0] === LF ? 1 : 0
  let set = 0
  // The last LF begins nothing.
  for (let at = first; at >= 0 && at + shift < texts.length; ) {
    set += lines.take(at + shift, found)
    if (set >= enough) return
    // The LF that ends this line may begin the next needle.
    at = texts.indexOf(needle, lines.end)
  }
}

/** Goes through the lines of a list, forwards. */
class Lines {
  private readonly texts: Buffer
  private readonly messages: Buffer
  private readonly marks: number
  private readonly places: number
  /** The next mark to jump to. */
  private mark = 0
  /** Where the line begins, and where its messages are. */
  private line = 1
  private at: number
  /** The LF behind it. */
  end = 0

  constructor(texts: Buffer, messages: Buffer) {
    this.texts = texts
    this.messages = messages
    this.marks = messages.readUInt32LE(0)
    this.places = 4 + MARK_BYTES * this.marks
    this.at = this.places
    this.end = texts.indexOf(LF, 1)
  }

  /** The messages of the line that holds this place. Gives how many of them are new. */
  take(place: number, found: Uint8Array): number {
    this.jump(place)
    while (this.end < place) {
      this.at += this.width()
      this.line = this.end + 1
      this.end = this.texts.indexOf(LF, this.line)
    }
    return this.set(found)
  }

  private jump(place: number): void {
    let to = -1
    for (; this.mark < this.marks && this.markedLine(this.mark) <= place; this.mark++) to = this.mark
    if (to < 0 || this.markedLine(to) <= this.line) return
    this.line = this.markedLine(to)
    this.at = this.places + this.messages.readUInt32LE(4 + MARK_BYTES * to + 4)
    this.end = this.texts.indexOf(LF, this.line)
  }

  private markedLine(mark: number): number {
    return this.messages.readUInt32LE(4 + MARK_BYTES * mark)
  }

  private width(): number {
    const count = this.messages[this.at]!
    return count === 255 ? 1 + BITS_BYTES : 1 + count
  }

  private set(found: Uint8Array): number {
    const { messages, at } = this
    const count = messages[at]!
    let fresh = 0
    if (count === 255) {
      for (let message = 0; message < MOST_MESSAGES; message++)
        if ((messages[at + 1 + (message >> 3)]! & (1 << (message & 7))) !== 0) fresh += setOne(found, message)
    } else for (let i = 1; i <= count; i++) fresh += setOne(found, messages[at + i]!)
    return fresh
  }
}

function setOne(found: Uint8Array, message: number): 0 | 1 {
  if (found[message] !== 0) return 0
  found[message] = 1
  return 1
}
