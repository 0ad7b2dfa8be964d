/**
 * The directory as SCRAM sees it: keys for every login, real or made up, and the account behind a proof. Every question has a deadline,
 * and what the directory gives is not believed before it has been looked at.
 */
import type { Account, Accounts, Log, Peer, ScramKeys, ScramShape } from '../api/index.js'
import { readBase64 } from '../text/index.js'
import { pretendKeys } from './pretence.js'
import { HASHES } from './scram.js'

const WITHIN_MS = 10_000
/** Of a directory that does not say; a client of ours would see no difference to what auth-file makes. */
const USUAL: ScramShape = { iterations: 20_000, saltBytes: 16 }
/** RFC 5802 §5.1 asks for 4096 at least; beyond the other bound a phone would compute for minutes. */
const [LEAST_ITERATIONS, MOST_ITERATIONS] = [1, 10_000_000]

export interface FoundKeys {
  readonly keys: ScramKeys
  /** False: nobody has this login, or it has no keys. */
  readonly known: boolean
}

export class ScramDirectory {
  readonly #accounts: Accounts | undefined
  readonly #readSecret: () => Promise<Buffer>
  readonly #log: Log
  #secret: Promise<Buffer> | undefined

  constructor(accounts: Accounts | undefined, secret: () => Promise<Buffer>, log: Log) {
    this.#accounts = accounts
    this.#readSecret = secret
    this.#log = log
  }

  /** Throws when the directory has trouble. */
  async keys(
    login: string,
    mechanism: ScramKeys['mechanism'],
    protocol: Peer['protocol'],
    signal: AbortSignal,
  ): Promise<FoundKeys> {
    const secret = await this.#theSecret()
    const shape = this.#accounts?.scramShape?.(mechanism) ?? USUAL
    // Made in any case, so that it costs the same.
    const pretended = pretendKeys(secret, mechanism, login, shape)
    const found = await within(this.#accounts?.scramKeys?.(login, mechanism, protocol), signal)
    if (found === undefined) return { keys: pretended, known: false }
    if (areUsable(found, mechanism)) return { keys: found, known: true }
    this.#log.error({ mechanism }, 'the directory gave SCRAM keys that cannot be used')
    return { keys: pretended, known: false }
  }

  /** Throws when the directory has trouble. */
  async account(login: string, signal: AbortSignal): Promise<Account | undefined> {
    const account = await within(this.#accounts?.byLogin(login), signal)
    return account?.disabled === true ? undefined : account
  }

  /** What could not be read is tried again the next time. */
  async #theSecret(): Promise<Buffer> {
    this.#secret ??= this.#readSecret()
    try {
      return await this.#secret
    } catch (error) {
      this.#secret = undefined
      throw error
    }
  }
}

function areUsable(keys: ScramKeys, mechanism: ScramKeys['mechanism']): boolean {
  const [, bytes] = HASHES[mechanism]
  const { iterations } = keys
  const whole = [keys.storedKey, keys.serverKey].every(key => readBase64(key)?.length === bytes)
  const salt = readBase64(keys.salt)?.length ?? 0
  const bounded = Number.isInteger(iterations) && iterations >= LEAST_ITERATIONS && iterations <= MOST_ITERATIONS
  return keys.mechanism === mechanism && whole && bounded && salt > 0 && salt <= 1024
}

async function within<T>(work: Promise<T> | undefined, signal: AbortSignal): Promise<T | undefined> {
  if (work === undefined) return undefined
  signal.throwIfAborted()
  return new Promise((resolve, fail) => {
    const onAbort = () => end(() => fail(new Error('the client has left, or the server ends')))
    const timer = setTimeout(() => end(() => fail(new Error('the directory gave no answer in time'))), WITHIN_MS)
    const end = (how: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      how()
    }
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(
      value => end(() => resolve(value)),
      (error: unknown) => end(() => fail(error as Error)),
    )
  })
}
