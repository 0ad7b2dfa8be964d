/** XCLIENT and XFORWARD: for named networks alone, strict, and the session is the named client's from there on. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Accounts, reject } from '../../../core/api/index.js'
import { readXclient } from '../../../core/smtp/commands/xclient.js'
import { SmtpSession } from '../../../core/smtp/session.js'
import { ReadError } from '../../../core/text/index.js'
import { authenticatorOf } from '../../harness/authenticator.js'
import { parseScripts, runScript } from '../../harness/conversation.js'
import { SaslTalk } from '../../harness/sasl-talk.js'
import { type DoorOptions, SmtpDoor } from '../../harness/smtp-door.js'

async function talk(t: TestContext, options: DoorOptions, text: string): Promise<SmtpDoor> {
  const door = await SmtpDoor.open(options)
  t.after(() => door.close())
  for (const script of parseScripts(text.replace(/^ +/gm, ''), 'script')) await runScript(script, { port: door.port })
  return door
}

for (const [argument, read] of [
  ['ADDR=192.0.2.1 PORT=25', { address: '192.0.2.1', port: 25 }],
  ['addr=IPV6:2001:DB8::1', { address: '2001:db8::1' }],
  [
    'NAME=spike.example.org ADDR=[UNAVAILABLE] DESTADDR=192.0.2.2 DESTPORT=587',
    { name: 'spike.example.org', localAddress: '192.0.2.2', localPort: 587 },
  ],
  ['NAME=[TEMPUNAVAIL]', {}],
  ['NAME=a+0D+0Ab', { name: 'a??b' }],
  ['', undefined],
  ['ADDR', undefined],
  ['ADDR=', undefined],
  ['ADDR=192.0.2.256', undefined],
  ['ADDR=2001:db8::1', undefined],
  ['ADDR=IPV6:fe80::1%25', undefined],
  ['ADDR=192.0.2.1 ADDR=192.0.2.2', undefined],
  ['PORT=65536', undefined],
  ['LOGIN=alice', undefined],
  ['HELO=x', undefined],
  ['NAME=a=b', undefined],
] as const) {
  test(`XCLIENT ${argument} is ${read === undefined ? 'refused' : 'read'}`, () => {
    if (read === undefined) assert.throws(() => readXclient(argument), ReadError)
    else assert.deepEqual(readXclient(argument), read)
  })
}

test('XCLIENT begins the session anew as the named client, and hooks are asked again', async t => {
  const seen: string[] = []
  const door = await talk(
    t,
    { mayXclient: true, hooks: { connect: ({ session }) => void seen.push(session.remote.address) } },
    `S: 220 …
    C: EHLO filter.test
    S: <any>
    S: 250-STARTTLS
    S: 250 XCLIENT NAME ADDR PORT DESTADDR DESTPORT
    C: XCLIENT ADDR=192.0.2.99 PORT=1025 NAME=[UNAVAILABLE]
    S: 220 mail.example.test ESMTP
    C: MAIL FROM:<a@b.test>
    S: 503 5.5.1 Say EHLO or HELO first
    C> HELO c.test\\r\\nMAIL FROM:<a@b.test>\\r\\nXCLIENT ADDR=192.0.2.1\\r\\nRCPT TO:<alice@example.test>\\r\\nDATA\\r\\n
    S: 250 …
    S: 250 …
    S: 503 5.5.1 Not possible during a mail transaction
    S: 250 …
    S: 354 …
    C> x\\r\\n.\\r\\n
    S: 250 …
    C: XCLIENT ADDR=nobody
    S: 501 5.5.4 Expected an address…`,
  )
  assert.deepEqual(seen, ['127.0.0.1', '192.0.2.99'])
  const { session } = door.taken[0]!
  assert.deepEqual(
    [session.remote, session.trusted, [...session.labels]],
    [{ address: '192.0.2.99', port: 1025 }, true, ['mx', 'trusted']],
  )
})

test('who is named by XCLIENT can be refused as if it had come itself', async t => {
  const connect: NonNullable<DoorOptions['hooks']>['connect'] = ({ session }) =>
    session.remote.address === '192.0.2.66' ? reject('Not you') : undefined
  await talk(
    t,
    { mayXclient: true, hooks: { connect } },
    'S: 220 …\nC: XCLIENT ADDR=192.0.2.66\nS: 554 5.7.1 Not you …\nC: EHLO c.test\nS: 503 …\nC: QUIT\nS: 221 …',
  )
})

test('XCLIENT and XFORWARD are not there for others', async t => {
  await talk(
    t,
    {},
    'S: 220 …\nC: EHLO c.test\nS: <any>\nS: 250 STARTTLS\nC: XCLIENT ADDR=192.0.2.1\nS: 502 5.5.1 …\nC: XFORWARD ADDR=192.0.2.1\nS: 502 5.5.1 …',
  )
})

test('what XFORWARD tells stands in the log line of the next message, and of no other', async t => {
  const send =
    'C> MAIL FROM:<a@b.test>\\r\\nRCPT TO:<alice@example.test>\\r\\nDATA\\r\\nx\\r\\n.\\r\\n\nS: 250 …\nS: 250 …\nS: 354 …\nS: 250 …\n'
  const door = await talk(
    t,
    { mayXforward: true },
    `S: 220 …
    C: EHLO filter.test
    S: <any>
    S: 250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE
    C: XFORWARD NAME=spike.example.org ADDR=192.0.2.1 HELO=spike PROTO=ESMTP
    S: 250 2.0.0 OK
    C: XFORWARD SOURCE=REMOTE HELO=[UNAVAILABLE]
    S: 250 2.0.0 OK
    C: XFORWARD COLOUR=red
    S: 501 5.5.4 Expected one of NAME, ADDR…
    ${send}${send}`,
  )
  const told = door.log.lines
    .filter(line => line.sentence === 'message accepted')
    .map(({ facts }) => (facts as { forwarded?: unknown }).forwarded)
  assert.deepEqual(told, [
    { NAME: 'spike.example.org', ADDR: '192.0.2.1', PROTO: 'ESMTP', SOURCE: 'REMOTE' },
    undefined,
  ])
  assert.equal(door.taken[0]!.session.remote.address, '127.0.0.1')
})

test('behind XCLIENT the TLS connection is the proxy’s: nobody binds to it or logs in by its certificate', async t => {
  const directory = async () => undefined
  const accounts: Accounts = {
    byLogin: directory,
    byAddress: directory,
    byId: directory,
    list: async () => [],
    scramKeys: directory,
  }
  const authenticator = authenticatorOf(() => reject('no', { code: 535, status: '5.7.8' }), { accounts })
  const listener = { name: 'submissions', tls: 'implicit', auth: 'optional' } as const
  const door = await SmtpDoor.open({ mayXclient: true, listener, authenticator })
  t.after(() => door.close())
  const talk = await SaslTalk.open('smtp', { port: door.port, way: 'implicit', version: 'TLSv1.3' })
  t.after(() => talk.close())
  const scrams = ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN', 'LOGIN']
  assert.deepEqual(await talk.ask(), ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-1-PLUS', ...scrams])
  assert.match(await talk.say('XCLIENT ADDR=192.0.2.7'), /^220 /)
  assert.deepEqual(await talk.ask(), scrams)

  const end = { address: '192.0.2.1', port: 25 }
  const client = { fingerprint: 'ab', addresses: [], hosts: [] }
  const tls = { protocol: 'TLSv1.3', cipher: 'x', client }
  const peer = { id: 's', protocol: 'smtp', listener: 'mx', remote: end, local: end, tls } as const
  const session = new SmtpSession(peer, 'smtp', false, async () => ({ kind: 'none' }))
  session.speaksFor({ address: '192.0.2.7', port: 1 }, end, false)
  assert.deepEqual(session.tls, { protocol: 'TLSv1.3', cipher: 'x' })
})
