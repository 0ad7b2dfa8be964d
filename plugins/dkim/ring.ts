/**
 * All keys we have, and which of them are in use: of a domain the newest of each kind, so that an RSA and an Ed25519 key sign together, and a
 * prepared one takes over from the one before it when its time has come. One that cannot be read stands for no other: mail waits for it.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MailError, type SigningKey, type SigningKeys } from 'posthouse/api'
import { toAsciiDomain } from 'posthouse/text'
import { type LoadedKey, type ReadKey, readKeyFile, signingKey, type Trouble } from './key-file.js'
import type { KeyName } from './published.js'
import { type KeyEntry, keyPath, SELECTOR_FORM, type Settings } from './settings.js'

export interface HeldKey {
  readonly entry: KeyEntry
  readonly read: ReadKey
}

/** `waits`: for its record; `later`: for its date; `replaced`: by a newer one of its kind. */
export type KeyUse = 'in use' | 'waits' | 'later' | 'replaced' | 'retired' | 'trouble'

export interface RingParts {
  readonly published: (name: KeyName, loaded: LoadedKey) => Promise<boolean>
  readonly now: () => number
}

const MOST_KEYS = 10_000

/** Those of the config, and those of the folder that it says nothing of. */
export async function loadKeys(
  settings: Pick<Settings, 'keys' | 'activate'>,
  folder: string,
): Promise<readonly HeldKey[]> {
  const entries = new Map(settings.keys.map(entry => [`${entry.selector} ${entry.domain}`, entry]))
  for (const entry of await inFolder(folder, settings.activate)) {
    const name = `${entry.selector} ${entry.domain}`
    if (!entries.has(name)) entries.set(name, entry)
  }
  const held: HeldKey[] = []
  for (const entry of entries.values()) held.push({ entry, read: await readKeyFile(entry.file) })
  return held
}

async function inFolder(folder: string, active: 'published' | 'now'): Promise<readonly KeyEntry[]> {
  const entries: KeyEntry[] = []
  for (const domain of await names(folder)) {
    if (toAsciiDomain(domain) !== domain) continue
    for (const file of await names(join(folder, domain))) {
      const selector = file.endsWith('.pem') ? file.slice(0, -4) : ''
      if (!SELECTOR_FORM.test(selector) || selector !== selector.toLowerCase()) continue
      entries.push({ domain, selector, file: keyPath(folder, domain, selector), active })
      if (entries.length >= MOST_KEYS) return entries
    }
  }
  return entries
}

async function names(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    // a folder that is not there has no keys in it, and neither has a file
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}

export class KeyRing implements SigningKeys {
  readonly #parts: RingParts
  readonly #byDomain = new Map<string, HeldKey[]>()

  constructor(keys: readonly HeldKey[], parts: RingParts) {
    this.#parts = parts
    for (const key of keys) {
      const list = this.#byDomain.get(key.entry.domain)
      if (list === undefined) this.#byDomain.set(key.entry.domain, [key])
      else list.push(key)
    }
  }

  get empty(): boolean {
    return this.#byDomain.size === 0
  }

  /** There are keys for the domain, whether in use or not. */
  has(domain: string): boolean {
    return this.#byDomain.has(domain)
  }

  /** The domain itself, or the nearest one above it that has keys. */
  above(domain: string): string | undefined {
    for (let at = domain; at !== ''; at = at.includes('.') ? at.slice(at.indexOf('.') + 1) : '') {
      if (this.has(at)) return at
    }
    return undefined
  }

  async inUse(domain: string): Promise<readonly SigningKey[]> {
    const { newest, wanted } = await this.#look(domain)
    if (wanted.length > 0) throw missing(wanted.map(inWords))
    // RSA on top: who reads one signature only reads that, and can check it.
    const inOrder = [...newest.values()].sort((a, b) => (a.loaded.algorithm < b.loaded.algorithm ? 1 : -1))
    return inOrder.map(({ held: { entry }, loaded }) => signingKey(entry.domain, entry.selector, loaded))
  }

  /** The newest of each kind that are in use, and those in trouble that would be among them. */
  async #look(domain: string) {
    const newest = new Map<SigningKey['algorithm'], Newest>()
    const troubled: HeldKey[] = []
    for (const held of this.#byDomain.get(domain) ?? []) {
      const use = await this.#dueOf(held)
      if (use === 'trouble') troubled.push(held)
      if (use !== 'in use' || held.read.kind !== 'key') continue
      const { loaded } = held.read
      const since = sinceOf(held.entry, loaded)
      const before = newest.get(loaded.algorithm)
      if (before === undefined || since > before.since) newest.set(loaded.algorithm, { held, loaded, since })
    }
    const wanted = troubled.filter(held => held.read.kind === 'trouble' && !isReplaced(held.entry, held.read, newest))
    return { newest, wanted }
  }

  /** Just these, as far as they are in use by now. */
  async named(domain: string, selectors: readonly string[]): Promise<readonly SigningKey[]> {
    const keys: SigningKey[] = []
    for (const selector of selectors) {
      const held = this.#byDomain.get(domain)?.find(({ entry }) => entry.selector === selector)
      if (held === undefined) throw missing([`there is no key ${selector} of ${domain}`])
      const use = await this.#dueOf(held)
      if (use === 'trouble') throw missing([inWords(held)])
      if (use === 'in use' && held.read.kind === 'key') keys.push(signingKey(domain, selector, held.read.loaded))
    }
    return keys
  }

  /** `named`: selectors that rules name, which sign whatever is newer. */
  async useOf(held: HeldKey, named: ReadonlySet<string>): Promise<KeyUse> {
    const due = await this.#dueOf(held)
    const { domain, selector } = held.entry
    if (due !== 'in use' || named.has(selector)) return due
    const { newest } = await this.#look(domain)
    return [...newest.values()].some(one => one.held.entry.selector === selector) ? due : 'replaced'
  }

  /** By its own dates and record alone. */
  async #dueOf({ entry, read }: HeldKey): Promise<Exclude<KeyUse, 'replaced'>> {
    const now = this.#parts.now()
    if (entry.until !== undefined && now >= entry.until) return 'retired'
    if (typeof entry.active === 'number' && now < entry.active) return 'later'
    if (read.kind === 'trouble') return 'trouble'
    return entry.active !== 'published' || (await this.#parts.published(entry, read.loaded)) ? 'in use' : 'waits'
  }
}

interface Newest {
  readonly held: HeldKey
  readonly loaded: LoadedKey
  readonly since: number
}

/** Without a date, as old as its file. */
function sinceOf({ active }: KeyEntry, { written }: Pick<LoadedKey, 'written'>): number {
  return typeof active === 'number' ? active : written
}

const KINDS = ['rsa-sha256', 'ed25519-sha256'] as const

/** One in trouble would not sign if it could be read: there is a newer one of its kind, or of each where nobody can tell. */
function isReplaced(
  entry: KeyEntry,
  { algorithm, written = Number.POSITIVE_INFINITY }: Trouble,
  newest: ReadonlyMap<SigningKey['algorithm'], Newest>,
): boolean {
  const since = sinceOf(entry, { written })
  const kinds = algorithm === undefined ? KINDS : [algorithm]
  return kinds.every(kind => since <= (newest.get(kind)?.since ?? Number.NEGATIVE_INFINITY))
}

export interface KeyTrouble {
  readonly domain: string
  readonly selector: string
  readonly why: string
}

export function troubleOf({ entry: { domain, selector }, read }: HeldKey): KeyTrouble | undefined {
  return read.kind === 'trouble' ? { domain, selector, why: read.why } : undefined
}

function inWords(held: HeldKey): string {
  const { domain, selector, why } = troubleOf(held)!
  return `key ${selector} of ${domain}: ${why}`
}

function missing(troubles: readonly string[]): MailError {
  return new MailError('internal', `cannot sign: ${troubles.slice(0, 5).join('; ')}`)
}
