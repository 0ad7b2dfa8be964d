/**
 * Lines of an answer, put down as octets at once: where a hundred thousand short ones follow each other, strings for each number and flag would cost
 * more than what is told.
 */
const START_BYTES = 80 * 1024
const DIGIT_0 = 0x30
/** Of a MODSEQ: 2⁵³ has sixteen. */
const MOST_DIGITS = 16

export class Octets {
  length = 0
  private buffer = Buffer.allocUnsafeSlow(START_BYTES)

  /** Short ones: octet by octet is quickest up to some dozens. */
  put(octets: Uint8Array): void {
    if (this.length + octets.length > this.buffer.length) this.grow(octets.length)
    const { buffer } = this
    let at = this.length
    for (let index = 0; index < octets.length; index++) buffer[at++] = octets[index]!
    this.length = at
  }

  /** A whole number, not below 0. */
  putNumber(value: number): void {
    if (this.length + MOST_DIGITS > this.buffer.length) this.grow(MOST_DIGITS)
    const { buffer } = this
    const end = this.length + digitsOf(value)
    let rest = value
    for (let at = end - 1; at >= this.length; at--) {
      const tenth = Math.floor(rest / 10)
      buffer[at] = DIGIT_0 + (rest - 10 * tenth)
      rest = tenth
    }
    this.length = end
  }

  /** What was put down, for whoever takes it; nothing is here then. */
  take(): Buffer {
    const taken = this.buffer.subarray(0, this.length)
    this.buffer = Buffer.allocUnsafeSlow(START_BYTES)
    this.length = 0
    return taken
  }

  private grow(by: number): void {
    const larger = Buffer.allocUnsafeSlow(2 * (this.length + by))
    larger.set(this.buffer.subarray(0, this.length))
    this.buffer = larger
  }
}

function digitsOf(value: number): number {
  let digits = 1
  for (let bound = 10; value >= bound; bound *= 10) digits += 1
  return digits
}
