/**
 * Whether a chain is whole (RFC 8617 §5.2): the newest message signature, and all seals from the newest to the first. Trouble with the name
 * service is thrown, since who asks again may hear better.
 */
import { createHash, verify } from 'node:crypto'
import { awaitedLater, MailError, type Resolver } from 'posthouse/api'
import {
  type CanonicalForm,
  type DkimRecord,
  fitnessOf,
  headerInput,
  type MessageDigest,
  readDkimRecord,
  signatureInput,
  toAsciiDomain,
  withoutSpace,
} from 'posthouse/text'
import type { ArcField, Chain } from './chain.js'
import { sealInput } from './seal-input.js'

export type ChainStatus =
  | { readonly cv: 'none' }
  | { readonly cv: 'pass'; readonly instance: number }
  | { readonly cv: 'fail'; readonly why: string }

export interface ValidateParts {
  readonly dns: Pick<Resolver, 'txt'>
  readonly now: number
  readonly signal: AbortSignal
}

/** In which a chain's check wants the body: that of its newest message signature. */
export function bodyFormsOf(chain: Chain): readonly CanonicalForm[] {
  return chain.kind === 'sets' ? [formsOf(chain.sets.at(-1)!.signature).body] : []
}

/** Throws `MailError` `dns-unavailable`. */
export async function validate(chain: Chain, digest: MessageDigest, parts: ValidateParts): Promise<ChainStatus> {
  if (chain.kind === 'none') return { cv: 'none' }
  if (chain.kind === 'broken') return { cv: 'fail', why: chain.why }
  const { sets } = chain
  const keys = new Keys(parts)
  const newest = sets.at(-1)!.signature
  const unusable = messageFault(newest, digest, parts.now)
  if (unusable !== undefined) return { cv: 'fail', why: `message signature ${sets.length}: ${unusable}` }
  keys.askFor([newest, ...sets.map(({ seal }) => seal)])
  const why = await signatureTrouble(newest, messageInput(newest, digest), keys)
  if (why !== undefined) return { cv: 'fail', why: `message signature ${sets.length}: ${why}` }
  const texts = sets.map(({ results, signature, seal }) => ({
    results: results.text,
    signature: signature.text,
    seal: seal.text,
  }))
  for (let i = sets.length; i >= 1; i--) {
    const wrong = await signatureTrouble(sets[i - 1]!.seal, sealInput(texts.slice(0, i)), keys)
    if (wrong !== undefined) return { cv: 'fail', why: `seal ${i}: ${wrong}` }
  }
  return { cv: 'pass', instance: sets.length }
}

/** What is wrong with a message signature before any key is asked for. */
function messageFault(field: ArcField, digest: MessageDigest, now: number): string | undefined {
  const { tags } = field
  const names = signedBy(field)
  // RFC 6376 §5.4: From is always signed.
  if (!names.some(name => name.toLowerCase() === 'from')) return 'it does not cover From'
  // RFC 8617 §4.1.2 forbids ARC's own fields to who signs; sealers after its drafts, and the published suite, cover all but seals.
  if (names.some(name => name.toLowerCase() === 'arc-seal')) return 'it covers a seal'
  // RFC 6376 §8.2: what only covers a part of the body says nothing of the rest.
  if (tags.has('l')) return 'it covers a part of the body only'
  const expires = tags.get('x')
  if (expires !== undefined && !(Number(expires) * 1000 > now)) return 'its time is over'
  return withoutSpace(tags.get('bh') ?? '') === digest.bodyHashes.get(formsOf(field).body)
    ? undefined
    : 'the body is another one'
}

function messageInput(field: ArcField, digest: MessageDigest): Buffer {
  const { header } = formsOf(field)
  const input = headerInput(digest, signedBy(field), header) + signatureInput(field.text, header)
  return Buffer.from(input, 'latin1')
}

function signedBy({ tags }: ArcField): readonly string[] {
  return withoutSpace(tags.get('h') ?? '').split(':')
}

function formsOf({ tags }: ArcField): { readonly header: CanonicalForm; readonly body: CanonicalForm } {
  // RFC 6376 §3.5: simple where nothing is said
  const [header, body] = (tags.get('c') ?? 'simple').toLowerCase().split('/')
  return { header: header === 'relaxed' ? header : 'simple', body: body === 'relaxed' ? body : 'simple' }
}

async function signatureTrouble(field: ArcField, input: Buffer, keys: Keys): Promise<string | undefined> {
  const { tags } = field
  const algorithm = tags.get('a')
  if (algorithm !== 'rsa-sha256' && algorithm !== 'ed25519-sha256') return 'its algorithm is none we take'
  const record = await keys.of(field)
  if (typeof record === 'string') return record
  if (`${record.type}-sha256` !== algorithm) return 'the record is of another kind of key'
  const fitness = fitnessOf(record)
  if (fitness !== 'fit') return fitness === 'weak' ? 'its key is too short' : 'its key is longer than we reckon with'
  const signature = Buffer.from(withoutSpace(tags.get('b') ?? ''), 'base64')
  const good =
    record.type === 'rsa'
      ? verify('sha256', input, record.key, signature)
      : verify(null, createHash('sha256').update(input).digest(), record.key, signature)
  return good ? undefined : 'the signature is wrong'
}

/** Asks for each record once. */
class Keys {
  readonly #parts: ValidateParts
  readonly #found = new Map<string, Promise<DkimRecord | string>>()

  constructor(parts: ValidateParts) {
    this.#parts = parts
  }

  /** All at once, as each of many sealers may be slow. Who needs an answer hears of trouble then. */
  askFor(fields: readonly ArcField[]): void {
    for (const field of fields) awaitedLater(this.of(field))
  }

  /** The record, or what is wrong with it. */
  of({ tags }: ArcField): Promise<DkimRecord | string> {
    const [selector, domain] = [tags.get('s') ?? '', tags.get('d') ?? '']
    const name =
      toAsciiDomain(domain) && /^[A-Za-z0-9._-]{1,63}$/.test(selector) ? recordName(selector, domain) : undefined
    if (name === undefined) return Promise.resolve('it names no key')
    const known = this.#found.get(name)
    if (known !== undefined) return known
    const asked = this.#ask(name)
    this.#found.set(name, asked)
    return asked
  }

  async #ask(name: string): Promise<DkimRecord | string> {
    const [text, another] = await this.#parts.dns.txt(name, this.#parts.signal).catch((error: unknown) => {
      throw error instanceof MailError ? error : new MailError('dns-unavailable', `${name} cannot be looked up`, error)
    })
    if (text === undefined) return 'its key is not published'
    if (another !== undefined) return 'there are several records of its key'
    const record = readDkimRecord(text)
    return record.kind === 'key'
      ? record
      : record.kind === 'revoked'
        ? 'its key was taken back'
        : 'its record is broken'
  }
}

function recordName(selector: string, domain: string): string {
  return `${selector.toLowerCase()}._domainkey.${toAsciiDomain(domain)}`
}
