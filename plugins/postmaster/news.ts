/** Which of the things that happen are news for a postmaster, of which kind, in a line. Pure. */
import type { QueueEvent, Session } from 'posthouse/api'
import { printable } from 'posthouse/text'

/** As Postfix has them in `notify_classes`, and three that a sender needs today. */
export const KINDS = [
  'bounce',
  'double-bounce',
  'delay',
  'blocked',
  'complaint',
  'returned',
  'resource',
  'policy',
  'protocol',
] as const
export type NewsKind = (typeof KINDS)[number]

export const HEADINGS: Readonly<Record<NewsKind, string>> = {
  bounce: 'Mail that could not be delivered; its senders were told',
  'double-bounce': 'Notices that could not be delivered, so that nobody was told',
  delay: 'Mail that is late',
  blocked: 'Servers that do not take mail from us',
  complaint: 'Recipients who complained',
  returned: 'Mail that came back after it had been taken',
  resource: 'Our own mailboxes that cannot take mail',
  policy: 'Clients that were refused what they asked for',
  protocol: 'Clients that do not keep to the protocol',
}

export interface News {
  readonly kind: NewsKind
  readonly says: string
  /** News about the same is told once. */
  readonly about: string
}

const MAX_SAYS = 300
/** How sessions end that broke a rule of the protocol. */
const BROKEN_ENDS: ReadonlySet<string> = new Set(['early', 'errors'])
const BLOCKS: ReadonlySet<string> = new Set(['blocked', 'unauthenticated'])

export function newsOfEvent(event: QueueEvent, domains: { has(domain: string): boolean }): News | undefined {
  const kind = kindOf(event, domains)
  if (kind === undefined) return undefined
  const { message, recipient = 'nobody named', sender, text, class: klass, lane } = event
  const who = kind === 'bounce' ? sender : recipient
  const what = [klass, text].filter(part => part !== undefined && part !== '').join(': ')
  const about = kind === 'blocked' ? `${lane ?? ''}` : `${message} ${recipient}`
  const from = sender === '' ? 'a notice' : `from ${sender}`
  return { kind, about, says: printable(`${message}  ${who}  ${from}${what === '' ? '' : `  ${what}`}`, MAX_SAYS) }
}

function kindOf(event: QueueEvent, domains: { has(domain: string): boolean }): NewsKind | undefined {
  const { kind, sender } = event
  // An address of ours may lead elsewhere: where the mail was on its way to counts.
  const local = domains.has(event.lane ?? '')
  switch (kind) {
    case 'failed':
    case 'expired':
      if (sender === '') return 'double-bounce'
      return local ? 'resource' : isBlock(event) ? 'blocked' : undefined
    case 'delayed':
      return local ? 'resource' : isBlock(event) ? 'blocked' : 'delay'
    case 'bounced':
      return 'bounce'
    case 'returned':
      return 'returned'
    case 'complained':
      return 'complaint'
    default:
      return undefined
  }
}

function isBlock(event: QueueEvent): boolean {
  return BLOCKS.has(event.class ?? '')
}

export function newsOfSession(session: Session, end: string): News | undefined {
  const { address } = session.remote
  const who = `${address} (${printable(session.helo ?? 'no greeting', 60)})`
  if (BROKEN_ENDS.has(end)) return { kind: 'protocol', about: address, says: `${who}  ${end}` }
  const { commands } = session.refused
  return commands === 0 ? undefined : { kind: 'policy', about: address, says: `${who}  ${commands} refused` }
}
