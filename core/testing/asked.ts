/** What hooks are asked about, with values for all that a test does not care for. */
import type { Address, Envelope, Message, MessageText, ServerFacts, Session } from '../api/index.js'
import { messageOf } from '../storage/message.js'
import { NO_HTML } from '../text/index.js'

const ALICE: Address = { local: 'alice', domain: 'example.test' }
const STRANGER: Address = { local: 'stranger', domain: 'elsewhere.test' }

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
    refused: { commands: 0, unknown: 0 },
    reverse: async () => ({ kind: 'none' }),
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

/** A message of this text; line feeds become CRLF. */
export function aMessage(text: string): Message {
  return messageOf(Buffer.from(text.replace(/\r?\n/g, '\r\n')))
}

/** What `message.text()` gives, for tests that make no mail for it. */
export function aText(more: Partial<MessageText> = {}): MessageText {
  return {
    subject: '',
    body: '',
    hidden: '',
    html: '',
    htmlFacts: NO_HTML,
    links: [],
    attached: '',
    attachedLinks: [],
    attachments: [],
    parts: [],
    broken: [],
    ...more,
  }
}
