import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Mailbox, MailError, type Store } from '../../../core/api/index.js'
import { ALICE, Client, file, type House, openHouse, PASSWORD, uidsOf } from './house.js'

const houses: House[] = []
after(() => Promise.all(houses.map(house => house.close())))

async function house(config?: object, change?: (store: Store) => Store): Promise<House> {
  const opened = await openHouse(config, change)
  houses.push(opened)
  return opened
}

const ONE = 'Subject: one\r\n\r\nfirst\r\n.dot\r\n..two\r\nlast\r\n'
const TWO = 'Subject: two\r\n\r\nsecond\r\n'
const THREE = 'Subject: three\r\n\r\nno line end'

async function filled(): Promise<House> {
  const opened = await house()
  await file(opened.store, ONE, TWO, THREE)
  return opened
}

test('the greeting names the server', async () => {
  const client = await Client.connect((await house()).clear)
  assert.equal(await client.line(), '+OK mail.example.test POP3 ready')
  client.close()
})

test('a whole session: look, fetch, delete, leave', async () => {
  const { store, movements, ...rest } = await filled()
  const client = await Client.inside({ store, movements, ...rest })
  const total = ONE.length + TWO.length + THREE.length
  assert.equal(await client.say('STAT'), `+OK 3 ${total}`)
  assert.deepEqual(await client.ask('LIST'), [`1 ${ONE.length}`, `2 ${TWO.length}`, `3 ${THREE.length}`])
  assert.equal(await client.say('LIST 2'), `+OK 2 ${TWO.length}`)
  assert.equal(`${(await client.ask('RETR 1')).join('\r\n')}\r\n`, ONE)
  assert.equal((await client.ask('RETR 3')).join('\r\n'), THREE)
  assert.deepEqual(await client.ask('TOP 1 2'), ['Subject: one', '', 'first', '.dot'])
  assert.deepEqual(await client.ask('TOP 1 0'), ['Subject: one', ''])
  assert.deepEqual(await client.ask('TOP 3 99'), ['Subject: three', '', 'no line end'])
  assert.equal(await client.say('NOOP'), '+OK Still here')
  assert.match((await client.say('DELE 2'))!, /^\+OK/)
  assert.equal(await client.say('STAT'), `+OK 2 ${total - TWO.length}`)
  assert.deepEqual(await client.ask('LIST'), [`1 ${ONE.length}`, `3 ${THREE.length}`])
  assert.match((await client.say('QUIT'))!, /^\+OK Bye, 1 removed/)
  assert.equal(await client.line(), undefined)
  assert.deepEqual(await uidsOf(store), [1, 3])
  const about = { kind: 'removed', login: ALICE.login, protocol: 'pop3', from: 'INBOX' }
  assert.deepEqual(movements, [{ ...about, prefixes: [''] }])
})

for (const [command, answer] of [
  ['LIST 4', '-ERR No such message'],
  ['LIST 0', '-ERR No such message'],
  ['RETR 99', '-ERR No such message'],
  ['TOP 99 1', '-ERR No such message'],
  ['UIDL 99', '-ERR No such message'],
  ['DELE 99', '-ERR No such message'],
  ['RETR', '-ERR Expected a space at column 5'],
  ['RETR x', '-ERR Expected a message number at column 6'],
  ['RETR -1', '-ERR Expected a message number at column 6'],
  ['RETR 1 2', '-ERR Expected the end of the line at column 8'],
  ['RETR 99999999999', '-ERR Expected a message number at column 6'],
  ['TOP 1', '-ERR Expected a space at column 6'],
  ['STAT now', '-ERR Expected the end of the line at column 6'],
  ['USER bob', '-ERR USER is possible before the login only'],
  ['STLS', '-ERR STLS is possible before the login only'],
  ['RETRR 1', '-ERR Unknown command RETRR, did you mean RETR?'],
  ['XYZZY', '-ERR Unknown command XYZZY'],
  ['', '-ERR Unknown command '],
  ['\u0001\u0002', '-ERR Unknown command ??'],
  ['list 1', `+OK 1 ${ONE.length}`],
  ['LIST ', '+OK 3 messages'],
] as const) {
  test(`${JSON.stringify(command)} is answered ${JSON.stringify(answer)}, and the session lives`, async () => {
    const client = await Client.inside(await filled())
    assert.equal(await client.say(command), answer)
    if (command === 'LIST ') await client.lines()
    assert.equal(await client.say('NOOP'), '+OK Still here')
    client.close()
  })
}

test('a message marked for deletion is gone for all commands, and RSET brings it back', async () => {
  const client = await Client.inside(await filled())
  await client.say('DELE 1')
  for (const command of ['RETR 1', 'LIST 1', 'UIDL 1', 'DELE 1', 'TOP 1 1']) {
    assert.equal(await client.say(command), '-ERR No such message', command)
  }
  assert.equal(await client.say('RSET'), '+OK 3 messages')
  assert.equal(await client.say('LIST 1'), `+OK 1 ${ONE.length}`)
  client.close()
})

test('a dropped connection deletes nothing', async () => {
  const opened = await filled()
  const client = await Client.inside(opened)
  await client.say('DELE 1')
  client.close()
  await sleep(50)
  assert.deepEqual(await uidsOf(opened.store), [1, 2, 3])
})

test('what was brought from another server has the UIDL it had there', async t => {
  const house = await openHouse()
  t.after(() => house.close())
  await house.store.mail.adopt(ALICE.id, 'INBOX', 77)
  const inbox = await house.store.mail.open(ALICE.id, (await house.store.mail.find(ALICE.id, 'INBOX'))!.id)
  const mail = { body: { kind: 'memory', bytes: Buffer.from('a: b\r\n\r\n') }, flags: [], date: 0 } as const
  await inbox.bring([
    { ...mail, source: 'a', uid: 5, uniqueId: '000000050000004d' },
    { ...mail, source: 'b', uid: 9 },
  ])
  await file(house.store, 'ours')
  const client = await Client.inside(house)
  assert.deepEqual(await client.ask('UIDL'), ['1 000000050000004d', '2 77-9', '3 77-10'])
  assert.equal(await client.say('UIDL 1'), '+OK 1 000000050000004d')
})

test('unique ids are the same in the next session and never come back', async () => {
  const opened = await filled()
  const first = await Client.inside(opened)
  const before = await first.ask('UIDL')
  assert.match(before[0]!, /^1 [!-~]{3,70}$/)
  assert.equal(await first.say('UIDL 2'), `+OK ${before[1]}`)
  await first.say('DELE 3')
  await first.say('QUIT')
  await file(opened.store, 'Subject: four\r\n\r\n')
  const second = await Client.inside(opened)
  const now = await second.ask('UIDL')
  assert.deepEqual(now.slice(0, 2), before.slice(0, 2))
  assert.ok(!before.map(line => line.split(' ')[1]).includes(now[2]!.split(' ')[1]))
  second.close()
})

test('the view is that of the login: new mail does not show, and what others removed is told', async () => {
  const opened = await filled()
  const client = await Client.inside(opened)
  await file(opened.store, 'Subject: new\r\n\r\n')
  const inbox = (await opened.store.mail.find(ALICE.id, 'INBOX'))!
  await (await opened.store.mail.open(ALICE.id, inbox.id)).expunge([1])
  assert.equal((await client.ask('LIST')).length, 3)
  assert.equal(await client.say('RETR 1'), '-ERR Another client has removed this message')
  await client.say('DELE 1')
  await client.say('DELE 2')
  assert.equal(await client.say('QUIT'), '+OK Bye, 1 removed')
  assert.deepEqual(await uidsOf(opened.store), [3, 4])
})

test('reading by POP3 leaves the flags alone', async () => {
  const opened = await filled()
  const client = await Client.inside(opened)
  await client.ask('RETR 1')
  const inbox = (await opened.store.mail.find(ALICE.id, 'INBOX'))!
  assert.deepEqual((await (await opened.store.mail.open(ALICE.id, inbox.id)).list())[0]!.flags, [])
  client.close()
})

test('any octets come back as they were stored, but every line ends with CRLF', async () => {
  const opened = await house()
  const octets = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  const message = Buffer.concat([Buffer.from('Subject: x\r\n\r\n'), octets, Buffer.from('\r\n.\n.\r\n..\r\n')])
  const large = Buffer.concat([Buffer.from('A: b\r\n\r\n'), Buffer.from('.0123456789abcde\r\n'.repeat(20_000))])
  await file(opened.store, message, large)
  const client = await Client.inside(opened)
  for (const [number, stored] of [
    [1, message],
    [2, large],
  ] as const) {
    const got = Buffer.from(`${(await client.ask(`RETR ${number}`)).join('\r\n')}\r\n`, 'latin1')
    assert.equal(got.toString('latin1'), stored.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n'))
  }
  client.close()
})

test('pipelined commands are answered in order', async () => {
  const opened = await filled()
  const client = await Client.connectTls(opened.secure)
  client.send(`USER ${ALICE.login}\r\nPASS ${PASSWORD}\r\nSTAT\r\nRETR 2\r\nNOPE\r\nDELE 2\r\nQUIT\r\n`)
  const lines: string[] = []
  for (let line = await client.line(); line !== undefined; line = await client.line())
    lines.push(line.slice(0, 4).trim())
  assert.deepEqual(lines, ['+OK', '+OK', '+OK', '+OK', '+OK', 'Subj', '', 'seco', '.', '-ERR', '+OK', '+OK'])
  assert.deepEqual(await uidsOf(opened.store), [1, 3])
})

test('a client that does not read stops the reading of the store', async () => {
  const reads = { octets: 0 }
  const counting = (store: Store): Store => ({
    ...store,
    mail: {
      ...bound(store.mail),
      async open(...args) {
        const mailbox = await store.mail.open(...args)
        const read: Mailbox['read'] = async (entry, from, to) => {
          const bytes = await mailbox.read(entry, from, to)
          reads.octets += bytes.length
          return bytes
        }
        return Object.assign(Object.create(mailbox), bound(mailbox), { read })
      },
    },
  })
  const opened = await house({}, counting)
  await file(opened.store, `A: b\r\n\r\n${'x'.repeat(998)}\r\n`.repeat(20_000))
  const client = await Client.inside(opened)
  client.socket.pause()
  client.send('RETR 1\r\n'.repeat(5))
  await sleep(300)
  assert.ok(reads.octets < 15_000_000, `${reads.octets} octets read for nobody`)
  client.close()
})

/** Methods of an object that lives in a class, callable from a copy. */
function bound<T extends object>(object: T): T {
  const methods: Record<string, unknown> = {}
  for (let proto = object; proto !== Object.prototype; proto = Object.getPrototypeOf(proto)) {
    for (const name of Object.getOwnPropertyNames(proto)) {
      const value = Reflect.get(object, name)
      if (name !== 'constructor' && !(name in methods))
        methods[name] = typeof value === 'function' ? value.bind(object) : value
    }
  }
  return methods as T
}

test('trouble of the store is told as such, and at QUIT nothing is called removed', async () => {
  const down = () => Promise.reject(new MailError('store-unavailable', 'disk is sulking'))
  const opened = await house({}, store => ({
    ...store,
    mail: {
      ...bound(store.mail),
      async open(...args) {
        const mailbox = await store.mail.open(...args)
        return Object.assign(Object.create(mailbox), bound(mailbox), { read: down, expunge: down })
      },
    },
  }))
  await file(opened.store, ONE)
  const client = await Client.inside(opened)
  assert.match((await client.say('RETR 1'))!, /^-ERR \[SYS\/TEMP\] The store is not available/)
  await client.say('DELE 1')
  assert.equal(await client.say('QUIT'), '-ERR [SYS/TEMP] Marked messages were not removed')
  assert.deepEqual(await uidsOf(opened.store), [1])
})

test('a line of 255 octets is read, a longer one refused whole', async () => {
  const client = await Client.inside(await filled())
  assert.match((await client.say('X'.repeat(253)))!, /^-ERR Unknown command/)
  assert.equal(await client.say('X'.repeat(254)), '-ERR The line is too long')
  assert.equal(await client.say(`NOOP${' '.repeat(5000)}`), '-ERR The line is too long')
  assert.equal(await client.say('NOOP'), '+OK Still here')
  client.close()
})

test('a line without end is not waited for', async () => {
  const client = await Client.inside(await filled())
  client.send('X'.repeat(200_000))
  assert.equal(await client.line(), '-ERR The line is too long')
  assert.equal(await client.line(), undefined)
})

test('nonsense in a row ends the conversation, a good command starts anew', async () => {
  const client = await Client.inside(await house({ max_bad_commands: 3 }))
  for (const command of ['A', 'B', 'NOOP', 'C', 'D']) await client.say(command)
  assert.match((await client.say('E'))!, /^-ERR Unknown command/)
  assert.equal(await client.line(), '-ERR Too many commands that make no sense')
  assert.equal(await client.line(), undefined)
})

test('a silent client is dropped without a word, and its marks with it', async () => {
  const opened = await house({ idle_timeout: '200ms' })
  await file(opened.store, ONE)
  const client = await Client.inside(opened)
  await client.say('DELE 1')
  assert.equal(await client.line(), undefined)
  assert.deepEqual(await uidsOf(opened.store), [1])
})

test('a drain ends waiting clients politely', async () => {
  const opened = await house()
  const client = await Client.inside(opened)
  opened.drain()
  assert.equal(await client.line(), '-ERR [SYS/TEMP] The server is shutting down')
  assert.equal(await client.line(), undefined)
})

test('one line is logged when a session ends', async () => {
  const opened = await filled()
  const client = await Client.inside(opened)
  await client.ask('RETR 1')
  await client.say('DELE 1')
  await client.say('QUIT')
  await client.line()
  const ends = opened.log.lines.filter(line => line.sentence === 'POP3 session ended')
  assert.equal(ends.length, 1)
  const { reason, login, commands, retrieved, deleted } = ends[0]!.facts
  assert.deepEqual(
    { reason, login, commands, retrieved, deleted },
    { reason: 'quit', login: ALICE.login, commands: 5, retrieved: 1, deleted: 1 },
  )
})
