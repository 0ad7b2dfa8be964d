/**
 * Tells a wrong secret that comes again from a new one, without keeping it: 24 bits of a digest under a key of this install. So few bits
 * cannot confirm a guess even to who has the key (one in sixteen million others fits as well), and are plenty to know a repetition by.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { type Credentials, type Log, unreachable } from 'posthouse/api'

const KEY_BYTES = 32
const DIGEST_BYTES = 3

export class Secrets {
  readonly #path: string
  readonly #log: Log
  #key: Promise<Buffer> | undefined

  constructor(path: string, log: Log) {
    this.#path = path
    this.#log = log
  }

  async digest(account: string, credentials: Credentials): Promise<string> {
    this.#key ??= this.#open()
    const text = JSON.stringify([account, credentials.kind, secretOf(credentials)])
    const digest = createHmac('sha256', await this.#key)
      .update(text)
      .digest()
    return digest.subarray(0, DIGEST_BYTES).toString('base64url')
  }

  /** Of several workers that start together one makes the key. */
  async #open(): Promise<Buffer> {
    try {
      return (await this.#read()) ?? (await this.#make())
    } catch (error) {
      this.#log.warn(
        { file: this.#path, err: error },
        'key cannot be kept, repeated passwords are forgotten at the end',
      )
      return randomBytes(KEY_BYTES)
    }
  }

  async #read(): Promise<Buffer | undefined> {
    const bytes = await readFile(this.#path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (bytes !== undefined && bytes.length !== KEY_BYTES) throw new Error(`expected ${KEY_BYTES} octets`)
    return bytes
  }

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

function secretOf(credentials: Credentials): string {
  switch (credentials.kind) {
    case 'password':
      return credentials.password
    case 'token':
      return credentials.token
    case 'certificate':
      return credentials.certificate.fingerprint
    default:
      return unreachable(credentials)
  }
}
