/**
 * Whether the name service shows a key. A signature whose record cannot be found is worth less than none, so a new key is used only from
 * then on; once it was seen it stays in use, whatever becomes of the name service.
 */
import { createHash } from 'node:crypto'
import type { Clock, Log, Resolver, State } from 'posthouse/api'
import { printable, readDkimRecord, samePublicKey, writeDkimRecord } from 'posthouse/text'
import type { LoadedKey } from './key-file.js'

/** What the name service says of a key; `why` in words, for people. */
export type Shown =
  | { readonly kind: 'right'; readonly testing: boolean }
  | { readonly kind: 'wrong'; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string }

export interface KeyName {
  readonly domain: string
  readonly selector: string
}

export function recordName({ domain, selector }: KeyName): string {
  return `${selector}._domainkey.${domain}`
}

/** Asks now. Never throws. */
export async function ask(
  dns: Pick<Resolver, 'txt' | 'configured'>,
  name: KeyName,
  { key }: Pick<LoadedKey, 'key'>,
  signal?: AbortSignal,
): Promise<Shown> {
  if (!dns.configured) return { kind: 'unknown', why: 'no name servers are configured: set dns.servers in server.yaml' }
  try {
    return compare(await dns.txt(recordName(name), signal), key)
  } catch (error) {
    return {
      kind: 'unknown',
      why: `the name service did not answer: ${printable(String((error as Error).message), 200)}`,
    }
  }
}

/** Pure. */
export function compare(texts: readonly string[], key: LoadedKey['key']): Shown {
  const wrong = (why: string): Shown => ({ kind: 'wrong', why })
  // RFC 6376 §3.6.2.2: with several records it is not known which one a verifier takes.
  if (texts.length > 1) return wrong(`there are ${texts.length} TXT records, and only one may be there`)
  const [text] = texts
  if (text === undefined) return wrong('there is no TXT record')
  const record = readDkimRecord(text)
  if (record.kind === 'revoked') return wrong('the record says that the key was taken back: its p= is empty')
  if (record.kind === 'broken') return wrong(`the record cannot be used: ${printable(record.why, 200)}`)
  const type = key.asymmetricKeyType
  if (record.type !== type) return wrong(`the record is of an ${record.type} key, ours is ${type}`)
  return samePublicKey(record.key, key)
    ? { kind: 'right', testing: record.testing }
    : wrong('the record is of another key')
}

const ASK_AGAIN_MS = 60_000
const ASK_MS = 10_000
const REMEMBER_MS = 365 * 86_400_000

export interface WatchParts {
  readonly dns: Pick<Resolver, 'txt' | 'configured'>
  readonly state: Pick<State, 'get' | 'put'>
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** Remembers which keys were seen, over restarts and for all workers. */
export class Publications {
  readonly #parts: WatchParts
  readonly #seen = new Set<string>()
  readonly #asked = new Map<string, { readonly at: number; readonly answer: Promise<boolean> }>()

  constructor(parts: WatchParts) {
    this.#parts = parts
  }

  /** At most one question a minute for a key that is not there yet. */
  async has(name: KeyName, loaded: LoadedKey): Promise<boolean> {
    const id = fingerprint(name, loaded)
    if (this.#seen.has(id)) return true
    const now = this.#parts.clock.now()
    const before = this.#asked.get(id)
    if (before !== undefined && now - before.at < ASK_AGAIN_MS) return before.answer
    const answer = this.#look(id, name, loaded, now)
    this.#asked.set(id, { at: now, answer })
    return answer
  }

  async #look(id: string, name: KeyName, loaded: LoadedKey, now: number): Promise<boolean> {
    const { dns, state, log, signal } = this.#parts
    const known = await state.get(id, now).catch(() => undefined)
    const shown =
      known === undefined
        ? await ask(dns, name, loaded, AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]))
        : undefined
    if (shown !== undefined && shown.kind !== 'right') {
      log.info({ ...name, why: shown.why }, 'signing key waits for its record')
      return false
    }
    this.#seen.add(id)
    this.#asked.delete(id)
    if (known === undefined) {
      log.info({ ...name }, 'signing key is published and in use')
      await state.put(id, '1', now + REMEMBER_MS).catch(() => undefined)
    }
    return true
  }
}

/** Another key under the same name is another one. */
function fingerprint({ domain, selector }: KeyName, { key }: LoadedKey): string {
  const digest = createHash('sha256')
    .update(`${selector}/${domain}/${writeDkimRecord(key)}`)
    .digest('base64url')
  return `published/${digest.slice(0, 22)}`
}
