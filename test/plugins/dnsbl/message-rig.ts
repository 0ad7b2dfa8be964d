/** A message from elsewhere, and the plugin `dnsbl` with lists that a table answers for. */
import type { TestContext } from 'node:test'
import type {
  AuthFacts,
  Envelope,
  Finding,
  ListFacts,
  MailAuth,
  ServiceTable,
  Session,
} from '../../../core/api/index.js'
import { rememberingLog, setUp } from '../../../core/testing/index.js'
import { hashed } from '../../../plugins/dnsbl/hash.js'
import plugin from '../../../plugins/dnsbl/index.js'
import { type FakeZone, fakeDns } from '../../harness/fake-dns.js'
import { aMessage, anEnvelope, aSession } from '../../harness/session.js'

export const sha1 = (text: string) => hashed(text, { hash: 'sha1', encoding: 'hex' })
export const listed = (code: string, txt?: string) => ({ a: [code], ...(txt === undefined ? {} : { txt: [txt] }) })

/** SPF, DKIM and DMARC of a mail as they may come out. */
export function vouched(more: Partial<AuthFacts> = {}): AuthFacts {
  const dmarc = { result: 'none', domain: 'from.test', disposition: 'none', why: '' } as const
  return { dkim: [], dmarc, vouching: [], questions: 0, ...more }
}
export const signed = (domain: string, result: 'pass' | 'fail' = 'pass') => ({
  ...{ result, domain, selector: 's', algorithm: 'rsa-sha256', tag: 'x', why: '' },
})

export interface Given {
  readonly lists: readonly object[]
  readonly zone?: FakeZone
  readonly config?: object
  readonly auth?: AuthFacts | MailAuth
  readonly services?: Partial<ServiceTable>
  readonly session?: Partial<Session>
  readonly envelope?: Partial<Envelope>
  readonly mail?: string
}

const MAIL =
  'From: Me <me@from.test>\nReply-To: box@reply.test\n\nSee https://www.shop.test/x or write to drop+1@free.test.\n'

export async function rig(t: TestContext, given: Given) {
  const log = rememberingLog()
  const dns = fakeDns(given.zone ?? {})
  const { auth } = given
  const mailAuth = auth === undefined || 'found' in auth ? auth : { found: async () => auth }
  const { hooks, call, contribution, end } = await setUp(plugin, {
    config: { within: '50ms', lists: given.lists.map(list => ({ check: false, ...list })), ...given.config },
    services: { ...given.services, ...(mailAuth === undefined ? {} : { 'mail-auth': mailAuth }) },
    log,
    dns,
  })
  t.after(end)
  const session = aSession({
    helo: 'mx.helo.test',
    reverse: async () => ({ kind: 'confirmed', name: 'host.reverse.test' }),
    ...given.session,
  })
  const envelope = anEnvelope({ sender: { local: 'me', domain: 'bounce.sender.test' }, ...given.envelope })
  const asked = { session, envelope, message: aMessage(given.mail ?? MAIL) }
  // Loading what reads a message takes longer than the budgets here.
  await asked.message.text()
  const score = async () => (await hooks.score!(asked, call)) as readonly Finding[]
  const facts = () => contribution.services!['list-hits']!.found(asked, call) as Promise<ListFacts>
  return { score, facts, dns, log, call }
}

export const DOMAINS = { zone: 'd.test', holds: 'domains' }
