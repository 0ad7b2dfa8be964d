/**
 * Under which recipients are remembered: digests under a key of this install. Whoever sees the state alone cannot tell whom people write to.
 */
import { createHmac } from 'node:crypto'

const DIGEST_BYTES = 18

export class Digests {
  readonly #open: () => Promise<Buffer>
  #key: Promise<Buffer> | undefined

  constructor(open: () => Promise<Buffer>) {
    this.#open = open
  }

  async of(...parts: readonly string[]): Promise<string> {
    this.#key ??= this.#open().catch(error => {
      // Not remembered as failed: a disk may come back.
      this.#key = undefined
      throw error
    })
    const mac = createHmac('sha256', await this.#key).update(JSON.stringify(parts))
    return mac.digest().subarray(0, DIGEST_BYTES).toString('base64url')
  }
}
