/**
 * Pins: the public key (`sha256//` and base64 of the SHA-256 of its SubjectPublicKeyInfo, as curl and HPKP write it, or `spki:` and
 * hexadecimal) or the certificate (its SHA-256 in hexadecimal, colons allowed) that a host has to show.
 */
import { createHash, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { Pin } from './route.js'

const KEY = /^sha256\/\/([A-Za-z0-9+/]{43}=)$/
const HEX = /^(spki:)?([0-9a-f]{64})$/

export function readPin(text: string): Pin | undefined {
  const base64 = KEY.exec(text)?.[1]
  if (base64 !== undefined) return { kind: 'key', sha256: Buffer.from(base64, 'base64') }
  const [, spki, hex] = HEX.exec(text.replaceAll(':', '').replace(/^spki/i, 'spki:').toLowerCase()) ?? []
  return hex === undefined
    ? undefined
    : { kind: spki === undefined ? 'certificate' : 'key', sha256: Buffer.from(hex, 'hex') }
}

/** Why the peer is not the one that was pinned: with what it shows, so that an admin can compare. */
export function judgeByPins(peer: Pick<TLSSocket, 'getPeerX509Certificate'>, pins: readonly Pin[]): string | undefined {
  const shown = peer.getPeerX509Certificate()
  if (shown === undefined) return 'it shows no certificate, and its key is pinned'
  const { key, certificate } = digestsOf(shown)
  // both are public: nothing to hide in how long it takes
  if (pins.some(pin => pin.sha256.equals(pin.kind === 'key' ? key : certificate))) return undefined
  return `its key sha256//${key.toString('base64')} is not the one that is pinned`
}

export function digestsOf(shown: X509Certificate): Readonly<Record<Pin['kind'], Buffer>> {
  const spki = shown.publicKey.export({ type: 'spki', format: 'der' })
  return { key: sha256(spki), certificate: sha256(shown.raw) }
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}
