/**
 * Mail that is written here (bounces, warnings, reports): where it goes, and what is kept of it. It is not weighed: nobody judges their own.
 */
import {
  type Acceptance,
  type Address,
  type Defer,
  type Envelope,
  MailError,
  type NewMessage,
  type Recipient,
  type Reject,
  type ServerFacts,
  type Session,
  type TrailDecided,
  type TrailEntry,
} from '../api/index.js'
import { formatAddress, printable } from '../text/index.js'
import { heldEntries } from './holds.js'
import type { AskScope, OwnMessage, Routed } from './intake-types.js'
import type { IntakeParts } from './parts.js'
import type { Router } from './routing.js'
import { buildRows } from './rows.js'
import { receivedField } from './trace.js'
import { wishesOf } from './wishes.js'

/** Of what we write ourselves, the Message-ID stands near the beginning. */
const MESSAGE_ID = /^message-id:\s{0,3}(<[^<>\s]{1,250}>)/im
const HEADER_START = 4096

/** Where mail of our own for this address would go. */
export function routeOwn(
  router: Router,
  server: ServerFacts,
  id: string,
  to: Address,
  scope: AskScope,
): Promise<Routed | Reject | Defer> {
  const session = ownSession(id, server)
  const recipient = { address: to, dsn: { notify: [] } }
  const envelope = ownEnvelope({ id, sender: null, utf8: true }, recipient)
  return router.route(session, new Set(session.labels), envelope, recipient, scope)
}

/** What is committed together with what caused it; nothing: nobody takes it. Throws while that cannot be told. */
export async function planOwn(
  parts: IntakeParts,
  router: Router,
  message: OwnMessage,
  scope: AskScope,
): Promise<Acceptance | undefined> {
  const session = ownSession(message.id, parts.server)
  const recipient = { address: message.recipient, dsn: message.dsn }
  const envelope = {
    ...ownEnvelope(message, recipient),
    ...(message.requireTls === true ? { requireTls: true } : {}),
    ...(message.priority === undefined ? {} : { priority: message.priority }),
  }
  const routed = await router.route(session, new Set(session.labels), envelope, recipient, scope)
  // Trouble is not an answer: what caused this message must stay until it can be told.
  if ('kind' in routed && routed.kind === 'defer') throw new MailError('directory-unavailable', routed.text)
  if ('kind' in routed) {
    scope.log.warn(
      { id: message.id, to: formatAddress(message.recipient), text: routed.text },
      'own message has no route',
    )
    return undefined
  }
  const trace = receivedField(session, envelope, { server: parts.server.name, now: message.now })
  const entering: NewMessage = {
    id: message.id,
    body: { kind: 'memory', bytes: message.bytes },
    cuts: [],
    sender: message.sender,
    utf8: message.utf8,
    bodyType: '8BITMIME',
    ...wishesOf(envelope),
    received: message.now,
    origin: { listener: 'internal', reason: message.reason },
  }
  const arrived = { envelope, routed: [routed], received: message.now }
  const { hold } = message
  const fate = { kind: 'keep', ...(hold === undefined ? {} : { hold }) } as const
  const rows = buildRows(parts, arrived, entering, [fate], () => trace)
  const trail = [writtenEntry(message), ...heldEntries(message.id, rows, message.now)]
  return { message: entering, rows, filings: [], trail }
}

function writtenEntry({ id, now, reason, sender, recipient, bytes }: OwnMessage): TrailEntry {
  const messageId = MESSAGE_ID.exec(bytes.toString('latin1', 0, HEADER_START))?.[1]
  const decided: readonly TrailDecided[] = [{ to: [formatAddress(recipient)], kind: 'accepted' }]
  return {
    id,
    at: now,
    event: 'accepted',
    says: `Written here: ${reason}.`,
    facts: {
      sender: formatAddress(sender),
      ...(messageId === undefined ? {} : { messageId }),
      size: bytes.length,
      reason: printable(reason),
      decided: JSON.stringify(decided),
    },
    by: {
      ...(messageId === undefined ? {} : { messageId }),
      senders: sender === null ? [] : [formatAddress(sender)],
      recipients: [formatAddress(recipient)],
    },
  }
}

function ownEnvelope({ id, sender, utf8 }: Pick<OwnMessage, 'id' | 'sender' | 'utf8'>, recipient: Recipient): Envelope {
  return { id, sender, recipients: [recipient], parameters: new Map(), utf8, body: '8BITMIME' }
}

function ownSession(id: string, server: ServerFacts): Session {
  const here = { address: '127.0.0.1', port: 0 }
  return {
    id,
    protocol: 'internal',
    listener: 'internal',
    remote: here,
    local: here,
    helo: server.name,
    extended: true,
    trusted: true,
    labels: new Set(['internal', 'trusted']),
    refused: { commands: 0, unknown: 0 },
    reverse: async () => ({ kind: 'unknown', why: 'it is our own' }),
  }
}
