/** TLS of doors under test. */
import type { PemPair } from '../../core/net/certificate.js'
import { openTls, type Tls } from '../../core/net/tls.js'
import type { TlsMaterial } from '../../core/net/types.js'
import { readCertificate } from '../../core/text/index.js'

/** The first pair is for clients that ask for no name. */
export function materialOf(pairs: readonly PemPair[], more: Omit<TlsMaterial, 'pairs'> = {}): TlsMaterial {
  const named = pairs.map(pair => ({
    ...pair,
    names: readCertificate(pair.certificate)?.names ?? [],
    origin: 'a test',
  }))
  return { pairs: named, ...more }
}

export function tlsOf(certificate: string, key: string): Tls {
  return openTls({ minVersion: 'TLSv1.2' }, materialOf([{ certificate, key }]))
}
