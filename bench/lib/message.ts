/**
 * Messages to send: plain text of English words in lines, so that filters have words to read, of an exact size and
 * always the same for the same size. Each copy gets a Message-ID and a number of its own in front. Pure.
 */
import { random } from './random.js'

const WORDS =
  `the quick post leaves early and the letters are sorted by hand before noon because somebody has to read every name on
 every envelope twice while the horses wait outside in the rain meeting invoice attached please find our offer for next week
 thanks for your mail I will answer tomorrow when the figures are in regards from the harbour office with kind wishes`.split(
    /\s+/,
  )

/** A sink finds a message again by this field, which stands first. */
export const NUMBER_FIELD = 'X-Bench-Number: '

/** How many different texts are made per size. */
const VARIETY = 16

/** Dot-stuffed text with the closing dot, ready for the wire: `head(n)` + `tail(n)` is the message with the number n. */
export class Messages {
  readonly size: number
  readonly #run: string
  readonly #tails: readonly Buffer[]

  /** `run` makes the Message-IDs unique among runs. */
  constructor(size: number, run: string) {
    this.size = size
    this.#run = run
    this.#tails = Array.from({ length: VARIETY }, (_, seed) => makeTail(size - headOf(1, run).length, seed + 1))
  }

  head(number: number): string {
    return headOf(number, this.#run)
  }

  tail(number: number): Buffer {
    return this.#tails[number % VARIETY]!
  }
}

function headOf(number: number, run: string): string {
  // Padded so that all copies are of one size.
  const name = String(number).padStart(10, '0')
  return `${NUMBER_FIELD}${name}\r\nMessage-ID: <${name}.${run}@source.test>\r\n`
}

function makeTail(size: number, seed: number): Buffer {
  const next = random(seed)
  const word = (): string => WORDS[Math.floor(next() * WORDS.length)]!
  const subject = Array.from({ length: 6 }, word).join(' ')
  const header =
    `Date: Mon, 06 Jan 2025 09:30:00 +0000\r\nFrom: "Bench Source" <sender@source.test>\r\nTo: reader@bench.test\r\n` +
    `Subject: ${subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n`
  const lines: string[] = [header]
  let left = Math.max(size - header.length, 2)
  while (left > 0) {
    const line = lineOf(word, left)
    lines.push(line)
    left -= line.length
  }
  return Buffer.from(`${lines.join('')}.\r\n`, 'latin1')
}

/** A line of about 72 octets, or all that is left. No line starts with a dot, so nothing needs stuffing. */
function lineOf(word: () => string, left: number): string {
  const most = left <= 80 ? left - 2 : 72
  let text = word()
  while (text.length < most) text += ` ${word()}`
  return `${text.slice(0, Math.max(most, 0))}\r\n`
}
