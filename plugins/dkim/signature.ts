/** The field DKIM-Signature (RFC 6376 §3.5): what it says, and the octets its signature is made of. */
import type { NewField, SigningKey } from 'posthouse/api'
import {
  base64InPieces,
  foldField,
  headerInput,
  type MessageDigest,
  namesInLines,
  signatureInput,
  signedNames,
} from 'posthouse/text'
import type { FieldSettings } from './settings.js'

const NAME = 'DKIM-Signature'

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
  const field = foldField(NAME, start + base64InPieces(Buffer.alloc(key.signatureBytes)))
  const input = headerInput(digest, signed, header) + signatureInput(field, header)
  return { name: NAME, value: start + base64InPieces(await key.sign(Buffer.from(input, 'latin1'))) }
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
    `h=${namesInLines(signed)}`,
    `bh=${bodyHashes.get(body)}`,
    'b=',
  ].join('; ')
}
