/** The field DKIM-Signature (RFC 6376 §3.5): what it says, and the octets its signature is made of. */
import type { NewField, SigningKey } from 'posthouse/api'
import { foldField, headerInput, type MessageDigest, signatureInput, signedNames } from 'posthouse/text'
import type { FieldSettings } from './settings.js'

const NAME = 'DKIM-Signature'
/** In a line of their own, with a space in front. */
const PIECE = 72

export async function signatureField(
  digest: MessageDigest,
  key: SigningKey,
  settings: FieldSettings,
  now: number,
): Promise<NewField> {
  const { names, closed, header } = settings
  const signed = signedNames(digest.fields, names, closed)
  const start = valueUpToSignature(digest, key, signed, settings, now)
  // Folded as it will be: the simple form sees that, and the signature is as long as these zeros.
  const field = foldField(NAME, start + inPieces(Buffer.alloc(key.signatureBytes)))
  const input = headerInput(digest, signed, header) + signatureInput(field, header)
  return { name: NAME, value: start + inPieces(await key.sign(Buffer.from(input, 'latin1'))) }
}

function valueUpToSignature(
  { bodyHashes }: MessageDigest,
  { algorithm, domain, selector }: SigningKey,
  signed: readonly string[],
  { header, body, timestamp, expireMs }: FieldSettings,
  now: number,
): string {
  const seconds = Math.floor(now / 1000)
  return [
    'v=1',
    `a=${algorithm}`,
    `c=${header}/${body}`,
    `d=${domain}`,
    `s=${selector}`,
    ...(timestamp ? [`t=${seconds}`] : []),
    ...(expireMs === undefined ? [] : [`x=${Math.floor((now + expireMs) / 1000)}`]),
    `h=${inLines(signed)}`,
    `bh=${bodyHashes.get(body)}`,
    'b=',
  ].join('; ')
}

/** RFC 6376 §3.5: white space may stand around the colons. */
function inLines(names: readonly string[]): string {
  let list = ''
  let line = 0
  for (const [i, name] of names.entries()) {
    const breaks = line + name.length > PIECE
    list += `${i === 0 ? '' : breaks ? ': ' : ':'}${name}`
    line = (breaks ? 0 : line) + name.length + 1
  }
  return list
}

function inPieces(signature: Buffer): string {
  return signature.toString('base64').replace(new RegExp(`.{${PIECE}}(?!$)`, 'g'), '$& ')
}
