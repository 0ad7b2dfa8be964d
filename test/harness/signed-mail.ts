/** Mail with DKIM signatures for tests: right ones, and ones that are wrong in a way a test wants. Keys are made once for each run. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import {
  type CanonicalForm,
  digestMessage,
  headerInput,
  signatureInput,
  writeDkimRecord,
} from '../../core/text/index.js'

export interface SignWish {
  readonly key: KeyObject
  readonly domain?: string
  readonly selector?: string
  readonly names?: readonly string[]
  readonly header?: CanonicalForm
  readonly body?: CanonicalForm
  /** Tags that stand in front of `b=`, such as `l=0; `. */
  readonly tags?: string
  readonly algorithm?: string
  /** Instead of `v=1`. */
  readonly version?: string
}

export function rsaKey(bits = 1024): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: bits }).privateKey
}

export function edKey(): KeyObject {
  return generateKeyPairSync('ed25519').privateKey
}

export function recordOf(key: KeyObject): string {
  return writeDkimRecord(key)
}

/** The mail with one signature more in front. */
export async function signed(mail: Buffer, wish: SignWish): Promise<Buffer> {
  const {
    key,
    domain = 'first.test',
    selector = 's1',
    names = ['From', 'Subject'],
    header = 'relaxed',
    body = 'relaxed',
  } = wish
  const type = key.asymmetricKeyType === 'ed25519' ? 'ed25519' : 'rsa'
  const digest = await digestMessage(oneByOne(mail), () => [body])
  const tags = [
    `v=${wish.version ?? '1'}`,
    `a=${wish.algorithm ?? `${type}-sha256`}`,
    `c=${header}/${body}`,
    `d=${domain}`,
    `s=${selector}`,
    `h=${names.join(':')}`,
    `bh=${digest.bodyHashes.get(body)}`,
  ]
  const field = `DKIM-Signature: ${tags.join('; ')}; ${wish.tags ?? ''}b=`
  const input = Buffer.from(headerInput(digest, names, header) + signatureInput(`${field}\r\n`, header), 'latin1')
  const octets =
    type === 'rsa' ? sign('sha256', input, key) : sign(null, createHash('sha256').update(input).digest(), key)
  return Buffer.concat([Buffer.from(`${field}${octets.toString('base64')}\r\n`), mail])
}

export async function* oneByOne(mail: Buffer, step = 1000): AsyncGenerator<Buffer> {
  for (let at = 0; at < mail.length; at += step) yield mail.subarray(at, at + step)
}
