/**
 * Clients that say everything at once and close their side, as `printf … | nc` does: each protocol answers all of it, with slow work in
 * between, in clear and in TLS, and then ends the connection itself.
 */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as tlsConnect } from 'node:tls'
import { SmtpDoor } from '../harness/smtp-door.js'
import { startRig } from '../plugins/imap/rig.js'
import { file, openHouse } from '../plugins/pop3/house.js'

async function sayAll(socket: Socket, text: string): Promise<string> {
  socket.setEncoding('latin1')
  socket.end(text)
  let heard = ''
  for await (const chunk of socket) heard += chunk
  return heard
}

const clear = (port: number) => connect({ port, host: '127.0.0.1', allowHalfOpen: true })
const secure = (port: number) => tlsConnect({ socket: clear(port), rejectUnauthorized: false })

const SMTP = [
  'EHLO c.test',
  'MAIL FROM:<a@b.test>',
  'RCPT TO:<alice@example.test>',
  'DATA',
  'Subject: x',
  '',
  'y',
  '.',
  'NOOP',
  '',
]

for (const [how, tls, open] of [
  ['SMTP', 'none', clear],
  ['SMTP in TLS', 'implicit', secure],
] as const) {
  test(`${how} answers everything that was said before the client closed its side`, async t => {
    const door = await SmtpDoor.open({
      listener: { tls },
      hooks: { helo: () => sleep(50), mail: () => sleep(50) },
      judge: async ({ routed }) => {
        await sleep(100)
        return routed.map(() => ({ kind: 'accepted', text: 'Taken' }))
      },
    })
    t.after(() => door.close())
    const codes = (await sayAll(open(door.port), SMTP.join('\r\n'))).match(/^\d{3}(?= )/gm)
    assert.deepEqual(codes, ['220', '250', '250', '250', '354', '250', '250'])
    assert.equal(door.taken.length, 1)
  })
}

for (const [how, open, door] of [
  ['POP3', clear, 'clear'],
  ['POP3 in TLS', secure, 'secure'],
] as const) {
  test(`${how} answers everything that was said before the client closed its side`, async t => {
    const house = await openHouse({ cleartext_auth: true })
    t.after(() => house.close())
    await file(house.store, `Subject: x\r\n\r\n${'a line\r\n'.repeat(20_000)}`)
    const commands = ['USER alice@example.test', 'PASS open sesame', 'STAT', 'RETR 1', 'NOOP', 'DELE 1', '']
    const heard = await sayAll(open(house[door]), commands.join('\r\n'))
    assert.equal(heard.match(/^\+OK/gm)?.length, 7)
    assert.match(heard, /a line\r\n\.\r\n\+OK.*\r\n\+OK.*\r\n$/)
  })
}

for (const [how, open, door] of [
  ['IMAP', clear, 'port'],
  ['IMAP in TLS', secure, 'tlsPort'],
] as const) {
  test(`${how} answers everything that was said before the client closed its side`, async t => {
    const rig = await startRig()
    t.after(() => rig.end())
    const commands = [
      'a LOGIN ann secret',
      'b SELECT INBOX',
      'c APPEND INBOX {5+}',
      'x: y\n',
      'd NOOP',
      'e FETCH 1:* FLAGS',
      '',
    ]
    const heard = await sayAll(open(rig[door]), commands.join('\r\n'))
    for (const tag of ['a', 'b', 'c', 'd', 'e']) assert.match(heard, new RegExp(`^${tag} OK`, 'm'))
  })
}

for (const [how, open, door] of [
  ['IMAP', clear, 'port'],
  ['IMAP in TLS', secure, 'tlsPort'],
] as const) {
  test(`${how} greets a client that closed its side while sessions were being loaded, and says good-bye`, async t => {
    const rig = await startRig({ loaded: sleep(300) })
    t.after(() => rig.end())
    assert.match(await sayAll(open(rig[door]), ''), /^\* OK .*\r\n\* BYE .*\r\n$/)
    assert.match(await sayAll(open(rig[door]), 'a NOOP\r\n'), /^\* OK .*\r\na OK .*\r\n\* BYE .*\r\n$/)
  })
}

for (const [how, open, door] of [
  ['POP3', clear, 'clear'],
  ['POP3 in TLS', secure, 'secure'],
] as const) {
  test(`${how} greets a client that closed its side while sessions were being loaded`, async t => {
    const house = await openHouse({}, store => store, sleep(300))
    t.after(() => house.close())
    assert.match(await sayAll(open(house[door]), ''), /^\+OK .*\r\n$/)
  })
}

test('a client that closes its side in the middle of the TLS handshake does not stay', async t => {
  const door = await SmtpDoor.open({ listener: { tls: 'implicit' } })
  t.after(() => door.close())
  const started = Date.now()
  await sayAll(clear(door.port), '\x16\x03\x01').catch(() => undefined)
  assert.ok(Date.now() - started < 25_000, 'a handshake has 30 s, and it was over before')
})
