/**
 * Objection is not permission: with every policy of the tree at its most lenient (each observes, each list allows everybody, each exception
 * is made), a stranger still cannot have us carry mail to the world. A new plugin must say here which of the two it is, or this fails.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parse } from 'yaml'
import { Instance, ROOT } from '../harness/instance.js'
import { ALIASES, OURS, PATHS, talk } from '../harness/relay-attempts.js'

const EVERYWHERE = ['0.0.0.0/0', '::/0']
const ALWAYS = ['.test', '@world.test', '@far.test', '@example.test', '@relayed.test']

/** What is no policy: stores, accounts, routes, targets, protocols. They are as shipped. */
const SERVICES: ReadonlySet<string> = new Set([
  'accounts-http',
  'accounts-ldap',
  'acme',
  'arc',
  'atrn',
  'auth-certificate',
  'auth-file',
  'auth-oauth',
  'bounces',
  'dkim',
  'dmarc-reports',
  'etrn',
  'filing',
  'imap',
  'import',
  'last-logins',
  'mda',
  'mx',
  'places',
  'pop3',
  'postmaster',
  'relay',
  'srs',
  'store-lmdb',
  'store-memory',
  'tls-rpt',
  'vacation',
  'webhooks',
  'zone-server',
])

/** `with:` of each policy, where there is something to be more lenient with than `mode: observe` alone. */
const LENIENT: Readonly<Record<string, object>> = {
  access: {},
  dnsbl: {},
  'early-talker': { everyone: true, wait: '0s' },
  greylist: { proven: 1, not_for: ['@example.test', '@world.test', 'x@'] },
  helo: {
    rules: { own_name: 'off', syntax: 'off', bare_name: 'off', other_address: 'off' },
    exempt: EVERYWHERE,
    spare: ['x'],
  },
  'leak-check': { except: ['alice@example.test'] },
  limits: {},
  learning: { points: { spam_untaught: 0, spam_taught: 0 } },
  'local-list': { files: ['everybody.list'] },
  'login-guard': { never: EVERYWHERE, most_delay: '0s' },
  'look-alikes': { points: {}, forwarders: ['world.test', 'far.test'] },
  'mail-auth': { enforce: 'reject', forwarders: ['world.test', 'far.test'] },
  origin: { points: { from_cheap_ending: 0 }, relays: EVERYWHERE },
  'outgoing-brake': {
    messages_per_hour: 0,
    messages_per_day: 0,
    new_recipients_per_hour: 0,
    new_recipients_per_day: 0,
  },
  'recipient-checks': { session: 100_000, network: 1_000_000 },
  reputation: { points: { known_correspondent: -100, good_history: -100, bad_history: 0, known_sender_unproven: 0 } },
  'reverse-dns': { require: 'none', exempt: EVERYWHERE, spare: ['x'] },
  'sender-domain': { rules: { missing: 'off', null_mx: 'off', unroutable: 'off' }, spare: ['x'] },
  'spam-action': { junk: 1000, reject: 1000 },
  'spam-rules': {},
  submission: { sender: 'any', from: 'any' },
  suppression: { after: 100 },
  tarpit: { free: 1000 },
}

const allow = (patterns: readonly string[]) => patterns.map(pattern => ({ allow: pattern }))
const ACCESS = {
  networks: allow(EVERYWHERE),
  names: allow(['.test', 'example.test', 'localhost']),
  senders: allow([...ALWAYS, '<>']),
  recipients: allow(ALWAYS),
}

/** The shipped entries, the policies among them made lenient, and all other policies in front. */
function lenient(shipped: string): string {
  const entries = parse(shipped) as { use: string }[]
  const gentle = (use: string) => ({ use, with: LENIENT[use] ?? {}, mode: 'observe' })
  const policies = readdirSync(join(ROOT, 'plugins')).filter(name => !SERVICES.has(name))
  const others = policies.filter(name => !entries.some(({ use }) => use === name)).map(gentle)
  return JSON.stringify([...others, ...entries.map(entry => (SERVICES.has(entry.use) ? entry : gentle(entry.use)))])
}

describe('with every policy at its most lenient, a stranger', () => {
  let instance: Instance
  before(async () => {
    instance = await Instance.make({
      users: [['alice@example.test', 'secret words']],
      server: { domains: OURS, relay_domains: ['relayed.test'] },
      files: {
        'aliases.yaml': ALIASES,
        'access.yaml': JSON.stringify(ACCESS),
        'everybody.list': [...EVERYWHERE, '.test', '@world.test', 'localhost'].map(one => `!${one}\n`).join(''),
        'send-as.yaml': JSON.stringify({ 'alice@example.test': 'any', '': 'any' }),
      },
    })
    await instance.edit('plugins.yaml', lenient)
    const checked = await instance.cli(['check'])
    assert.equal(checked.code, 0, `name the new plugin among SERVICES or LENIENT:\n${checked.stdout}${checked.stderr}`)
    await instance.start()
  })
  after(() => instance.destroy())

  for (const [path, wish] of PATHS) {
    test(`names ${path} and hears ${wish.source}`, async () => {
      const heard = await talk(instance.ports.mx, ['EHLO c.test', 'MAIL FROM:<s@far.test> SMTPUTF8', `RCPT TO:${path}`])
      assert.match(heard[2]!, wish)
    })
  }

  for (const [what, commands] of [
    ['with a sender of ours', ['EHLO c.test', 'MAIL FROM:<alice@example.test>']],
    ['with the null sender', ['EHLO c.test', 'MAIL FROM:<>']],
    ['with a sender we relay for', ['EHLO c.test', 'MAIL FROM:<x@relayed.test>']],
    ['with a sender routed over us', ['EHLO c.test', 'MAIL FROM:<@example.test:alice@example.test>']],
    ['with a sender in percents', ['EHLO c.test', 'MAIL FROM:<alice%example.test@world.test>']],
    ['with a sender in quotes', ['EHLO c.test', 'MAIL FROM:<"alice@example.test"@world.test>']],
    [
      'with a submitter of ours',
      ['EHLO c.test', 'MAIL FROM:<a@far.test> AUTH=alice@example.test', 'MAIL FROM:<a@far.test>'],
    ],
    ['greeting as our domain', ['EHLO example.test', 'MAIL FROM:<alice@example.test>']],
    ['greeting as our host', ['EHLO mail.example.test', 'MAIL FROM:<alice@example.test>']],
    ['greeting as loopback', ['EHLO [127.0.0.1]', 'MAIL FROM:<alice@example.test>']],
    ['greeting in the old way', ['HELO localhost', 'MAIL FROM:<root@localhost>']],
    ['speaking for loopback', ['EHLO c.test', 'XCLIENT ADDR=127.0.0.1 NAME=localhost', 'MAIL FROM:<a@far.test>']],
    ['speaking for who logged in', ['EHLO c.test', 'XCLIENT LOGIN=alice@example.test', 'MAIL FROM:<a@far.test>']],
    ['forwarding for loopback', ['EHLO c.test', 'XFORWARD ADDR=127.0.0.1 SOURCE=LOCAL', 'MAIL FROM:<a@far.test>']],
    [
      'having failed to log in',
      ['EHLO c.test', 'AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdAB3cm9uZw==', 'MAIL FROM:<a@far.test>'],
    ],
    ['having asked for TLS in vain', ['EHLO c.test', 'STARTTLS now', 'MAIL FROM:<a@far.test>']],
    ['asking for our queue', ['EHLO c.test', 'ETRN world.test', 'ATRN world.test', 'MAIL FROM:<a@far.test>']],
    [
      'behind somebody of ours in the same envelope',
      ['EHLO c.test', 'MAIL FROM:<a@far.test>', 'RCPT TO:<alice@example.test>', 'RCPT TO:<friend@example.test>'],
    ],
    [
      'behind a transaction that was fine',
      ['EHLO c.test', 'MAIL FROM:<>', 'RCPT TO:<postmaster>', 'RSET', 'MAIL FROM:<>'],
    ],
  ] as const) {
    test(`${what}, is refused by SMTP and by LMTP`, async () => {
      const heard = await talk(instance.ports.mx, [...commands, 'RCPT TO:<x@world.test>'])
      assert.match(heard.at(-1)!, /^550 5\.7\.1 /, heard.join('\n'))
      const local = [commands[0].replace(/^\w+/, 'LHLO'), ...commands.slice(1)]
      const byLmtp = await talk(instance.ports.lmtp, [...local, 'RCPT TO:<x@world.test>'])
      assert.match(byLmtp.at(-1)!, /^550 5\.7\.1 /, byLmtp.join('\n'))
    })
  }

  test('has to log in where people submit, whatever else it says', async () => {
    const commands = ['EHLO example.test', 'MAIL FROM:<alice@example.test>', 'RCPT TO:<x@world.test>']
    for (const reply of (await talk(instance.ports.submission, commands)).slice(1)) assert.match(reply, /^5[03][0-9] /)
  })

  test('has nothing in the queue for the world after all that, though its mail for us was taken', async () => {
    const commands = ['EHLO c.test', 'MAIL FROM:<>', 'RCPT TO:<x@world.test>', 'RCPT TO:<alice@example.test>', 'DATA']
    const heard = await talk(instance.ports.mx, [...commands, 'To: x@world.test\r\nSubject: for us\r\n\r\nhello\r\n.'])
    assert.deepEqual(
      heard.map(reply => reply.slice(0, 3)),
      ['250', '250', '550', '250', '354', '250'],
    )
    assert.deepEqual(JSON.parse((await instance.cli(['queue', 'ls', '--json'])).stdout), [])
  })
})

test('every folder of plugins is here one of services or policies', () => {
  const known = new Set([...SERVICES, ...Object.keys(LENIENT)])
  const unnamed = readdirSync(join(ROOT, 'plugins')).filter(name => !known.has(name))
  assert.deepEqual(unnamed, [], 'say in this file what is most lenient for them, so that it is tried')
})
