/** The octets that seals are made of (RFC 8617 §5.1.1): all sets in order, the seal itself last and without its signature. Pure. */
import { canonicalField, signatureInput } from 'posthouse/text'

export interface SetTexts {
  readonly results: string
  readonly signature: string
  readonly seal: string
}

/** Of the last of these sets. Only the relaxed form is there for seals (§4.1.3). */
export function sealInput(sets: readonly SetTexts[]): Buffer {
  const last = sets.length - 1
  const texts = sets.map(({ results, signature, seal }, i) => {
    const fields = canonicalField(results, 'relaxed') + canonicalField(signature, 'relaxed')
    return fields + (i === last ? signatureInput(seal, 'relaxed') : canonicalField(seal, 'relaxed'))
  })
  return Buffer.from(texts.join(''), 'latin1')
}
