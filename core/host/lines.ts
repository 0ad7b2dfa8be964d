/**
 * Cuts a byte stream into lines of bounded length. A line that grows too long ends the reading: the peer is not one of ours.
 */
export class LineCutter {
  #rest = ''
  readonly #maxChars: number

  constructor(maxChars: number) {
    this.#maxChars = maxChars
  }

  /** Complete lines without their ends; `undefined` when one is too long. */
  push(text: string): readonly string[] | undefined {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    return this.#rest.length > this.#maxChars || lines.some(line => line.length > this.#maxChars) ? undefined : lines
  }
}
