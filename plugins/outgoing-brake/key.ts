/**
 * The key of this install under which recipients are remembered: a file of the data directory, made at the first need. Whoever sees the
 * state alone cannot tell whom people write to.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'

const KEY_BYTES = 32

export class KeyFile {
  readonly #path: string
  #key: Promise<Buffer> | undefined

  constructor(path: string) {
    this.#path = path
  }

  async digest(...parts: readonly string[]): Promise<string> {
    this.#key ??= this.#open()
    const mac = createHmac('sha256', await this.#key).update(JSON.stringify(parts))
    return mac.digest().subarray(0, 18).toString('base64url')
  }

  async #open(): Promise<Buffer> {
    try {
      return (await this.#read()) ?? (await this.#make())
    } catch (error) {
      // Not remembered as failed: a disk may come back.
      this.#key = undefined
      throw error
    }
  }

  async #read(): Promise<Buffer | undefined> {
    try {
      const bytes = await readFile(this.#path)
      if (bytes.length !== KEY_BYTES) throw new Error(`${this.#path} is not a key: expected ${KEY_BYTES} octets`)
      return bytes
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  /** Written aside and put in place whole: of several workers that start together the first one counts. */
  async #make(): Promise<Buffer> {
    const aside = `${this.#path}.${randomBytes(6).toString('hex')}`
    await writeFile(aside, randomBytes(KEY_BYTES), { mode: 0o600, flag: 'wx' })
    try {
      await link(aside, this.#path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    } finally {
      await rm(aside, { force: true })
    }
    return (await this.#read())!
  }
}
