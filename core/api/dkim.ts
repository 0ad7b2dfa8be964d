/**
 * Checks the signatures of a message (RFC 6376 §6, RFC 8301, RFC 8463). What cannot be relied on is no pass, however right the numbers are: weak
 * keys, a body that is covered in part, a second From that nobody signed (`policy`, RFC 8601 §2.7.1). Trouble with the name service is temperror.
 */
import { createHash, verify } from 'node:crypto'
import type { CanonicalForm } from '../text/canonical.js'
import { type DkimRecord, type DkimService, fitnessOf, readDkimRecord } from '../text/dkim-record.js'
import { type DkimSignature, type ReadDkimSignature, readDkimSignature } from '../text/dkim-signature.js'
import { EndlessHeader, type MessageDigest, type WantedForms } from '../text/message-digest.js'
import { printable } from '../text/sanitise.js'
import { type HeaderOctets, headerInput, signatureInput } from '../text/signed-header.js'
import { readTagList, withoutSpace } from '../text/tag-list.js'
import { MailError } from './errors.js'
import type { DkimFacts } from './mail-auth.js'
import type { Resolver } from './plugin.js'

export interface DkimParts {
  readonly dns: Pick<Resolver, 'txt'>
  readonly signal: AbortSignal
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Signatures that are checked; more are left alone. */
  readonly most: number
  /** Those of this domain and below come first, as they say the most. */
  readonly first: string | undefined
  /** What a key may be for; left out: mail. */
  readonly services?: readonly DkimService[]
}

/** RFC 5322 §3.6: fields that stand there once. A second one that nobody signed may be the one that is shown. */
const SINGLE = ['from', 'sender', 'reply-to', 'to', 'cc', 'subject', 'date', 'message-id']

/** Throws only when the message cannot be read. A header without end has no signatures: nobody signs such. */
export async function checkSignatures(
  digestOf: (wanted: WantedForms) => Promise<MessageDigest>,
  parts: DkimParts,
): Promise<readonly DkimFacts[]> {
  let read: readonly ReadDkimSignature[] = []
  const digest = await digestOf(header => {
    read = chosen(header, parts)
    return formsOf(read)
  }).catch((error: unknown) => {
    if (error instanceof EndlessHeader) return undefined
    throw error
  })
  if (digest === undefined) return []
  return Promise.all(read.map(one => check(one, digest, parts)))
}

function chosen(header: HeaderOctets, { most, first }: DkimParts): readonly ReadDkimSignature[] {
  const fields = header.fields.filter(({ name }) => name.toLowerCase() === 'dkim-signature').slice(0, 100)
  const read = fields.map(field => readDkimSignature(field, header.octets))
  const ours = ({ label }: ReadDkimSignature) =>
    first !== undefined && (label.domain === first || label.domain.endsWith(`.${first}`))
  return [...read.filter(ours), ...read.filter(one => !ours(one))].slice(0, most)
}

/** Nothing: the body need not be read. */
function formsOf(read: readonly ReadDkimSignature[]): readonly CanonicalForm[] | undefined {
  const forms = read.flatMap(one => (one.kind === 'signature' ? [one.body] : []))
  return forms.length === 0 ? undefined : forms
}

type Result = Pick<DkimFacts, 'result' | 'why'>

async function check(read: ReadDkimSignature, digest: MessageDigest, parts: DkimParts): Promise<DkimFacts> {
  const { label } = read
  const found =
    read.kind === 'broken' ? { result: 'permerror' as const, why: read.why } : await judge(read, digest, parts)
  const domain = label.domain === '' ? 'a domain that cannot be read' : label.domain
  return {
    ...label,
    result: found.result,
    why: `the signature of ${domain} (${printable(label.selector, 63)}): ${found.why}`,
  }
}

async function judge(signature: DkimSignature, digest: MessageDigest, parts: DkimParts): Promise<Result> {
  const { expires, label } = signature
  if (expires !== undefined && expires * 1000 < parts.now) return { result: 'fail', why: 'its time is over' }
  const record = await keyOf(signature, parts)
  if ('result' in record) return record
  const input =
    headerInput(digest, signature.names, signature.header) + signatureInput(signature.text, signature.header)
  const wholeBody = signature.bodyHash === digest.bodyHashes.get(signature.body)
  if (!wholeBody)
    return signature.partial
      ? { result: 'policy', why: 'it covers a part of the body only (l=), and there is more' }
      : { result: 'fail', why: 'the body is not the one that was signed' }
  if (!isRight(Buffer.from(input, 'latin1'), record, signature))
    return { result: 'fail', why: 'the header is not the one that was signed' }
  return weakness(signature, digest, record) ?? { result: 'pass', why: `right, by ${label.algorithm}${bitsOf(record)}` }
}

function bitsOf({ bits }: DkimRecord): string {
  return bits === undefined ? '' : ` with ${bits} bits`
}

/** At once: a key is 4096 bits at most, and to hand it to another thread costs more than the reckoning. */
function isRight(input: Buffer, { type, key }: DkimRecord, { signature }: DkimSignature): boolean {
  // RFC 8463 §3: Ed25519 signs the hash.
  return type === 'rsa'
    ? verify('sha256', input, key, signature)
    : verify(null, createHash('sha256').update(input).digest(), key, signature)
}

/** Of a signature that is right: why it does not count all the same. */
function weakness(signature: DkimSignature, digest: MessageDigest, record: DkimRecord): Result | undefined {
  if (fitnessOf(record) === 'weak')
    return { result: 'policy', why: `right, but a key of ${record.bits} bits proves nothing` }
  const unsigned = SINGLE.find(name => {
    const there = count(
      digest.fields.map(field => field.name),
      name,
    )
    return there > 1 && there > count(signature.names, name)
  })
  return unsigned === undefined
    ? undefined
    : { result: 'policy', why: `right, but one more field ${unsigned} is there that it does not cover` }
}

function count(names: readonly string[], wanted: string): number {
  return names.filter(name => name.toLowerCase() === wanted).length
}

async function keyOf({ label, algorithm, identity }: DkimSignature, parts: DkimParts): Promise<DkimRecord | Result> {
  const name = `${label.selector.toLowerCase()}._domainkey.${label.domain}`
  const texts = await ask(name, parts)
  if ('result' in texts) return texts
  const records = texts.filter(text => /(?:^|;)\s*p\s*=/.test(text))
  const [text] = records.length > 0 ? records : texts
  if (text === undefined) return { result: 'permerror', why: `there is no key at ${name}` }
  // RFC 6376 §3.6.2.2: which of several would be meant, nobody knows.
  if (records.length > 1) return { result: 'permerror', why: `there are several keys at ${name}` }
  const record = readDkimRecord(text, parts.services)
  if (record.kind === 'revoked') return { result: 'permerror', why: `its key was taken back (${name})` }
  if (record.kind === 'broken')
    return { result: 'permerror', why: `the key record at ${name}: ${printable(record.why, 120)}` }
  if (`${record.type}-sha256` !== algorithm)
    return { result: 'permerror', why: `the key at ${name} is of another kind` }
  return unfit(record, text, label.domain, identity) ?? record
}

function unfit(record: DkimRecord, text: string, domain: string, identity: string): Result | undefined {
  if (fitnessOf(record) === 'costly') return { result: 'policy', why: 'its key is longer than we reckon with' }
  const flags = withoutSpace(readTagList(text)?.get('t') ?? '').split(':')
  // RFC 6376 §3.6.1: t=s
  return flags.includes('s') && identity !== domain
    ? { result: 'permerror', why: 'its key is not for subdomains, and its i= is of one' }
    : undefined
}

async function ask(name: string, { dns, signal }: DkimParts): Promise<readonly string[] | Result> {
  try {
    return await dns.txt(name, signal)
  } catch (error) {
    if (!(error instanceof MailError) && !signal.aborted) throw error
    return { result: 'temperror', why: `its key at ${name} cannot be looked up now` }
  }
}
