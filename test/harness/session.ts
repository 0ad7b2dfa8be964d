/** Sessions and envelopes for tests that call hooks and core parts directly. */
import type { Address, Envelope, ServerFacts, Session } from '../../core/api/index.js'

export const ALICE: Address = { local: 'alice', domain: 'example.test' }
export const STRANGER: Address = { local: 'stranger', domain: 'elsewhere.test' }

export function aSession(more: Partial<Session> = {}): Session {
  return {
    id: 'session1',
    protocol: 'smtp',
    listener: 'mx',
    remote: { address: '192.0.2.1', port: 40000 },
    local: { address: '127.0.0.1', port: 25 },
    helo: 'client.elsewhere.test',
    extended: true,
    trusted: false,
    labels: new Set(['mx']),
    ...more,
  }
}

export function anEnvelope(more: Partial<Envelope> = {}): Envelope {
  return {
    id: 'session1.1',
    sender: STRANGER,
    recipients: [{ address: ALICE, dsn: { notify: [] } }],
    parameters: new Map(),
    utf8: false,
    body: '7BIT',
    ...more,
  }
}

export function aServer(more: Partial<ServerFacts> = {}): ServerFacts {
  return {
    name: 'mail.example.test',
    domains: new Set(['example.test']),
    relayDomains: new Set(['relayed.test']),
    version: '0.0.0',
    configDir: '/nowhere/config',
    dataDir: '/nowhere/data',
    maxMessageBytes: 50 * 1024 * 1024,
    ...more,
  }
}
