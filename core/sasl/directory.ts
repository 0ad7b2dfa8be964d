/**
 * The directory as SCRAM sees it: keys for every login, real or made up, and the account behind a proof. Every question has a deadline,
 * and what the directory gives is not believed before it has been looked at.
 */
import {
  type Account,
  type Accounts,
  type Log,
  MOST_SCRAM_CANDIDATES,
  type Peer,
  type ScramCandidate,
  type ScramKeys,
  USUAL_SCRAM,
} from '../api/index.js'
import { readBase64 } from '../text/index.js'
import { pretendKeys } from './pretence.js'
import { HASHES } from './scram.js'

const WITHIN_MS = 10_000
/** RFC 5802 §5.1 asks for 4096 at least; beyond the other bound a phone would compute for minutes. */
const [LEAST_ITERATIONS, MOST_ITERATIONS] = [1, 10_000_000]

export interface FoundKeys {
  /** With `MOST_SCRAM_CANDIDATES`, always. */
  readonly keys: ScramKeys
  /** How many of the candidates are real; they stand in front. 0: nobody has this login, or none of its passwords counts. */
  readonly known: number
}

export interface Proof {
  readonly login: string
  readonly mechanism: ScramKeys['mechanism']
  readonly candidate: ScramCandidate
  readonly peer: Peer
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
    const shape = this.#accounts?.scramShape?.(mechanism) ?? USUAL_SCRAM
    // Made in any case, so that it costs the same.
    const pretended = pretendKeys(secret, mechanism, login, shape)
    const found = await within(this.#accounts?.scramKeys?.(login, mechanism, protocol), signal)
    // Filled up and looked at in any case, for the same reason.
    const keys = filledUp(found ?? pretended, pretended.candidates[0])
    const usable = areUsable(keys, mechanism)
    if (found === undefined) return { keys, known: 0 }
    if (usable) return { keys, known: Math.min(found.candidates.length, MOST_SCRAM_CANDIDATES) }
    this.#log.error({ mechanism }, 'the directory gave SCRAM keys that cannot be used')
    return { keys: filledUp(pretended, pretended.candidates[0]), known: 0 }
  }

  /**
   * The account behind a proof. The directory is asked again: between challenge and proof the client may take its time, and a password that has
   * ended meanwhile lets nobody in. Throws when the directory has trouble.
   */
  async account({ login, mechanism, candidate, peer }: Proof, signal: AbortSignal): Promise<Account | undefined> {
    const keys = await within(this.#accounts?.scramKeys?.(login, mechanism, peer.protocol), signal)
    const account = await within(this.#accounts?.byLogin(login), signal)
    const counts = keys?.candidates.some(({ storedKey }) => storedKey === candidate.storedKey) === true
    if (account === undefined || account.disabled === true || !counts) return undefined
    if (candidate.name !== undefined) this.#accounts?.scramProven?.(account, candidate.name, peer)
    return account
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

function filledUp(keys: ScramKeys, by: ScramCandidate): ScramKeys {
  const real = keys.candidates.slice(0, MOST_SCRAM_CANDIDATES)
  const rest = Array.from({ length: MOST_SCRAM_CANDIDATES - real.length }, () => by)
  return { ...keys, candidates: [...real, ...rest] }
}

function areUsable(keys: ScramKeys, mechanism: ScramKeys['mechanism']): boolean {
  const [, bytes] = HASHES[mechanism]
  const { iterations } = keys
  const halves = keys.candidates.flatMap(({ storedKey, serverKey }) => [storedKey, serverKey])
  // Not `every`, which would stop at the first that is wrong.
  const whole = halves.filter(key => readBase64(key)?.length !== bytes).length === 0
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
