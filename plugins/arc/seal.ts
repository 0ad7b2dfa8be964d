/** A new set of ARC fields (RFC 8617 §5.1): our results, a signature of the message as it goes on, and the seal over the chain. */
import type { NewField, SigningKey } from 'posthouse/api'
import {
  base64InPieces,
  CLOSED_FIELDS,
  foldField,
  headerInput,
  type MessageDigest,
  namesInLines,
  signatureInput,
  signedNames,
} from 'posthouse/text'
import { type SetTexts, sealInput } from './seal-input.js'

export interface SealWish {
  readonly digest: MessageDigest
  /** The sets before it, in order; none after a failure (§5.1.2). */
  readonly before: readonly SetTexts[]
  readonly instance: number
  readonly cv: 'none' | 'pass' | 'fail'
  /** Without the instance: `mail.example.org; spf=pass …`. */
  readonly results: string
  readonly key: SigningKey
  readonly now: number
}

/** §4.1.2: signatures that are there already are covered; results and ARC's own fields never. */
const NAMES = [
  ...CLOSED_FIELDS,
  'Sender',
  'List-Id',
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
  'DKIM-Signature',
] as const
const CLOSED_SET: ReadonlySet<string> = new Set(CLOSED_FIELDS.map(name => name.toLowerCase()))

/** From the top down: seal, signature, results. */
export async function sealFields(wish: SealWish): Promise<readonly NewField[]> {
  const results = { name: 'ARC-Authentication-Results', value: `i=${wish.instance}; ${wish.results}` }
  const signature = await messageSignature(wish)
  const seal = await sealOf(wish, written(results), written(signature))
  return [seal, signature, results]
}

function written({ name, value }: NewField): string {
  return Buffer.from(foldField(name, value)).toString('latin1')
}

async function messageSignature({ digest, instance, key, now }: SealWish): Promise<NewField> {
  const names = signedNames(digest.fields, NAMES, CLOSED_SET)
  const start = [
    `i=${instance}`,
    `a=${key.algorithm}`,
    'c=relaxed/relaxed',
    `d=${key.domain}`,
    `s=${key.selector}`,
    `t=${Math.floor(now / 1000)}`,
    `h=${namesInLines(names)}`,
    `bh=${digest.bodyHashes.get('relaxed')}`,
    'b=',
  ].join('; ')
  const name = 'ARC-Message-Signature'
  const input = headerInput(digest, names, 'relaxed') + signatureInput(written({ name, value: start }), 'relaxed')
  return { name, value: start + base64InPieces(await key.sign(Buffer.from(input, 'latin1'))) }
}

async function sealOf(wish: SealWish, results: string, signature: string): Promise<NewField> {
  const { instance, key, now, cv, before } = wish
  const start = `i=${instance}; a=${key.algorithm}; d=${key.domain}; s=${key.selector}; t=${Math.floor(now / 1000)}; cv=${cv}; b=`
  const name = 'ARC-Seal'
  const own = { results, signature, seal: written({ name, value: start }) }
  // §5.1.2: after a failure the new set stands alone.
  const sets = cv === 'fail' ? [own] : [...before, own]
  return { name, value: start + base64InPieces(await key.sign(sealInput(sets))) }
}
