/**
 * The certificate that a client has shown, if its chain leads to one of our authorities; any other counts for nothing.
 * A resumed session carries the certificate of the one it goes on with; such sessions never cross authorities, nor doors that ask for none.
 */
import type { TLSSocket } from 'node:tls'
import type { ClientCertificate } from '../api/index.js'
import { certificateFacts } from '../text/certificate.js'

/** Node checks the chain for its own servers alone and keeps the outcome here; it is in no types. */
interface Handle {
  verifyError(): Error | null | undefined
}

export function clientOf(socket: TLSSocket): ClientCertificate | undefined {
  // Without a certificate OpenSSL finds nothing wrong either: it has to be there first.
  const shown = socket.getPeerX509Certificate()
  if (shown === undefined) return undefined
  const { ssl } = socket as TLSSocket & { readonly ssl: Handle | null }
  const error = ssl === null ? new Error('closed') : ssl.verifyError()
  if (error) return undefined
  const { fingerprint, commonName, addresses, names } = certificateFacts(shown)
  return { fingerprint, ...(commonName !== undefined && { name: commonName }), addresses, hosts: names }
}
