/** Logging in by POP3: USER and PASS, AUTH, STLS before both, and how often. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ALICE, BOB, Client, type House, openHouse, PASSWORD } from './house.js'

const houses: House[] = []
after(() => Promise.all(houses.map(house => house.close())))

async function house(config?: object): Promise<House> {
  const opened = await openHouse(config)
  houses.push(opened)
  return opened
}

const base64 = (text: string) => Buffer.from(text).toString('base64')

test('logging in by AUTH PLAIN works at once and after a challenge', async () => {
  const opened = await house()
  for (const [send, answer] of [
    [[`AUTH PLAIN ${base64(`\0${ALICE.login}\0${PASSWORD}`)}`], /^\+OK 0 messages/],
    [['AUTH PLAIN', base64(`${ALICE.login}\0${ALICE.login}\0${PASSWORD}`)], /^\+OK 0 messages/],
    [['auth plain', base64(`\0${ALICE.login}\0wrong`)], /^-ERR \[AUTH\]/],
    [['AUTH PLAIN', '*'], /^-ERR Authentication cancelled/],
    [['AUTH PLAIN', '!!!'], /^-ERR Expected base64/],
    [['AUTH PLAIN', base64('only one')], /^-ERR Expected a name, a login and a password/],
    [['AUTH PLAIN ='], /^-ERR Expected a name, a login and a password/],
    [['AUTH PLAIN', base64(`bob\0${ALICE.login}\0${PASSWORD}`)], /^-ERR \[AUTH\] Authentication failed/],
    [['AUTH PLAIN', 'A'.repeat(20_000)], /^-ERR The response is too long/],
    [['AUTH GSSAPI'], /^-ERR Unknown mechanism/],
  ] as const) {
    const client = await Client.connectTls(opened.secure)
    await client.line()
    for (const line of send.slice(0, -1)) assert.equal(await client.say(line), '+ ')
    assert.match((await client.say(send.at(-1)!))!, answer, send.join(' '))
    client.close()
  }
})

test('wrong passwords are answered alike, late, and not for ever', async () => {
  const opened = await house({ max_logins: 3 })
  const client = await Client.connectTls(opened.secure)
  await client.line()
  for (const login of [ALICE.login, 'nobody@example.test']) {
    assert.match((await client.say(`USER ${login}`))!, /^\+OK/)
    assert.equal(await client.say('PASS wrong'), '-ERR [AUTH] wrong')
  }
  await client.say(`USER ${ALICE.login}`)
  assert.equal(await client.say('PASS wrong'), '-ERR [AUTH] Too many wrong passwords')
  assert.equal(await client.line(), undefined)
  assert.ok(
    opened.log.lines.every(line => !JSON.stringify(line).includes('wrong')),
    'no password in the log',
  )
})

test('a directory that is down is temporary trouble', async () => {
  const client = await Client.connectTls((await house()).secure)
  await client.line()
  await client.say('USER slow@example.test')
  assert.match((await client.say('PASS x'))!, /^-ERR \[SYS\/TEMP\]/)
  client.close()
})

test('PASS counts only right after USER', async () => {
  const client = await Client.connectTls((await house()).secure)
  await client.line()
  assert.equal(await client.say(`PASS ${PASSWORD}`), '-ERR Say USER first')
  await client.say(`USER ${ALICE.login}`)
  await client.ask('CAPA')
  assert.equal(await client.say(`PASS ${PASSWORD}`), '-ERR Say USER first')
  assert.match((await client.say('STAT'))!, /^-ERR STAT is possible after the login only/)
  client.close()
})

test('before TLS no login is possible, and CAPA does not offer one', async () => {
  const opened = await house()
  const client = await Client.connect(opened.clear)
  await client.line()
  const clear = await client.ask('CAPA')
  assert.deepEqual(clear, [
    'STLS',
    'UTF8 USER',
    'LANG',
    'UIDL',
    'TOP',
    'RESP-CODES',
    'AUTH-RESP-CODE',
    'PIPELINING',
    'EXPIRE NEVER',
  ])
  for (const command of [`USER ${ALICE.login}`, `PASS ${PASSWORD}`, `AUTH PLAIN ${base64(`\0a\0b`)}`]) {
    assert.equal(await client.say(command), '-ERR Logging in needs TLS first, say STLS')
  }
  assert.match((await client.say('STLS'))!, /^\+OK/)
  await client.secure()
  assert.deepEqual((await client.ask('CAPA')).slice(0, 2), ['USER', 'SASL PLAIN LOGIN'])
  assert.equal(await client.say('STLS'), '-ERR TLS is on already')
  await client.say(`USER ${ALICE.login}`)
  assert.match((await client.say(`PASS ${PASSWORD}`))!, /^\+OK/)
  const inside = await client.ask('CAPA')
  assert.ok(inside.includes('IMPLEMENTATION Posthouse') && !inside.includes('STLS'))
  // RFC 2449 §5: what can be done before the login is announced after it, too.
  assert.ok(inside.includes('SASL PLAIN LOGIN'))
  client.close()
})

test('commands slipped in behind STLS are forgotten', async () => {
  const client = await Client.connect((await house()).clear)
  await client.line()
  client.send('STLS\r\nNOOP\r\nQUIT\r\n')
  assert.match((await client.line())!, /^\+OK/)
  await client.secure()
  assert.equal((await client.ask('CAPA')).includes('USER'), true)
  client.close()
})

test('a handshake that fails ends the connection and nothing else', async () => {
  const opened = await house()
  const client = await Client.connect(opened.clear)
  await client.line()
  await client.say('STLS')
  client.send('this is no TLS\r\n\r\n')
  await new Promise(resolve => client.socket.once('close', resolve))
  const other = await Client.connect(opened.clear)
  assert.match((await other.line())!, /^\+OK/)
  other.close()
})

test('cleartext_auth lets a client in without TLS', async () => {
  const client = await Client.connect((await house({ cleartext_auth: true })).clear)
  await client.line()
  assert.ok((await client.ask('CAPA')).includes('USER'))
  await client.say(`USER ${ALICE.login}`)
  assert.match((await client.say(`PASS ${PASSWORD}`))!, /^\+OK 0 messages/)
  assert.equal(await client.say('STAT'), '+OK 0 0')
  assert.deepEqual(await client.ask('LIST'), [])
  client.close()
})

async function tries(client: Client, login: string, password = PASSWORD): Promise<string> {
  await client.say(`USER ${login}`)
  return (await client.say(`PASS ${password}`))!
}

test('LOGIN-DELAY: an account that comes again too soon is told to wait, others are not', async () => {
  const opened = await house({ login_interval: '1h' })
  const client = await Client.connectTls(opened.secure)
  await client.line()
  assert.ok((await client.ask('CAPA')).includes('LOGIN-DELAY 3600'))
  assert.match(await tries(client, ALICE.login, 'wrong'), /^-ERR \[AUTH\]/)
  assert.equal(await tries(client, ALICE.login), '+OK 0 messages')
  client.close()
  const again = await Client.connectTls(opened.secure)
  await again.line()
  assert.match(
    await tries(again, ALICE.login),
    /^-ERR \[LOGIN-DELAY\] Too soon after the last login, come again in \d{4} s$/,
  )
  assert.match((await again.say('STAT'))!, /after the login only/)
  assert.equal(await tries(again, BOB.login), '+OK 0 messages')
  again.close()
})

test('the admin chooses the language of the greeting and of LANG *', async () => {
  const client = await Client.connectTls((await house({ language: 'de' })).secure)
  assert.equal(await client.line(), '+OK mail.example.test POP3 ist bereit')
  assert.equal(await client.say('LANG en'), '+OK en From now on in English')
  assert.equal(await client.say('LANG *'), '+OK de Von nun an auf Deutsch')
  client.close()
})
