/** Whom a mail says it comes from: names and mail addresses of session, envelope and header, and which of them have been proven. */
import type { Asked, AuthFacts, ReverseName } from 'posthouse/api'
import { mailboxOf } from 'posthouse/text'
import { hostOf } from './host.js'
import type { Topic } from './list.js'
import type { Seen } from './question.js'

/** Passing signatures whose domains are asked about. */
const MAX_SIGNERS = 5

/** What is claimed: known at once. `relayed`: the session is that of a relay of ours. */
export function claimed({ session, envelope, message }: Asked['score'], relayed: boolean): readonly Seen[] {
  const { sender } = envelope
  const from = mailboxOf(message.header, 'from')
  const replyTo = mailboxOf(message.header, 'reply-to')
  return [
    ...(relayed ? [] : named('helo', session.helo)),
    ...(sender === null ? [] : mailbox('sender', sender)),
    ...(from === undefined ? [] : mailbox('from', from)),
    ...(replyTo === undefined ? [] : mailbox('reply-to', replyTo)),
  ]
}

/** Names of the client's address: one that leads back is proven. */
export function reverseSeen(found: ReverseName): readonly Seen[] {
  switch (found.kind) {
    case 'confirmed':
      return named('reverse', found.name, true)
    case 'unconfirmed':
      return named('reverse', found.names[0])
    default:
      return []
  }
}

/** What SPF, DKIM and DMARC have shown. */
export function proven({ helo, mailFrom, dkim, dmarc }: AuthFacts): readonly Seen[] {
  const signers = new Set(dkim.filter(({ result }) => result === 'pass').map(({ domain }) => domain))
  return [
    ...[...signers].slice(0, MAX_SIGNERS).flatMap(domain => named('dkim', domain, true)),
    ...(mailFrom?.result === 'pass' ? named('sender', mailFrom.domain, true) : []),
    ...(dmarc.result === 'pass' ? named('from', dmarc.domain, true) : []),
    ...(helo?.result === 'pass' ? named('helo', helo.domain, true) : []),
  ]
}

function named(topic: Topic, text: string | undefined, isProven = false): readonly Seen[] {
  const host = text === undefined ? undefined : hostOf(text)
  return host === undefined ? [] : [{ kind: 'host', topic, host, ...(isProven ? { proven: true } : {}) }]
}

/** Lists of domains hear of its domain. */
function mailbox(
  topic: Topic,
  { local, domain }: { readonly local: string; readonly domain: string },
): readonly Seen[] {
  const host = hostOf(domain)
  return host === undefined ? [] : [{ kind: 'email', topic, local, host }]
}
