/** The SMTP and LMTP doors, as listeners for core/net. */
import type { Connection, Listener } from '../api/index.js'
import type { ListenerConfig } from '../config/types.js'
import type { SmtpDeps } from './deps.js'
import { SmtpServer } from './server.js'

export function smtpListener(config: ListenerConfig, deps: SmtpDeps): Listener {
  const server = new SmtpServer(config, deps)
  return {
    name: config.name,
    protocol: config.protocol,
    address: config.address,
    tls: config.tls,
    ...(config.clientCertificates && { clientCertificates: config.clientCertificates }),
    serve: (connection: Connection) => server.converse(connection),
  }
}
