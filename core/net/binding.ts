/**
 * Channel binding data of a TLS connection (RFC 5056), for SASL. Two kinds: `tls-exporter` (RFC 9266), which belongs to this one
 * connection, and `tls-server-end-point` (RFC 5929 §4), which belongs to our certificate. Never `tls-unique`: without the extended
 * master secret two connections can share it (RFC 7627 §1), and TLS 1.3 has none.
 */
import { createHash } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { ChannelBinding } from '../api/index.js'
import { signatureHash } from './signature-hash.js'

type BindingType = Parameters<ChannelBinding['data']>[0]

export const NO_BINDING: ChannelBinding = { data: () => undefined }

/** After the handshake; `shown` is our certificate, in DER, if it is known. Each kind is made when first asked for, and once. */
export function bindingOf(socket: TLSSocket, shown: Buffer | undefined): ChannelBinding {
  const made = new Map<BindingType, Buffer | undefined>()
  return {
    data(type) {
      if (!made.has(type)) made.set(type, type === 'tls-exporter' ? exporterOf(socket) : endPointOf(shown))
      return made.get(type)
    },
  }
}

/**
 * RFC 9266 §2, §4.2: TLS 1.3 alone. Before it the data is unique only with the extended master secret, and Node.js tells nobody whether
 * that was agreed upon.
 */
function exporterOf(socket: TLSSocket): Buffer | undefined {
  if (socket.destroyed || socket.getProtocol() !== 'TLSv1.3') return undefined
  return socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
}

/**
 * RFC 5929 §4.1: the certificate as we sent it. A resumed session sends none, and OpenSSL then names the first of ours whatever the client
 * had asked for, while the client remembers that of the first handshake: without the name nothing is bound. No session outlives a change of certificates (`tls.ts`).
 */
function endPointOf(shown: Buffer | undefined): Buffer | undefined {
  const hash = shown && signatureHash(shown)
  return shown === undefined || hash === undefined ? undefined : createHash(hash).update(shown).digest()
}
