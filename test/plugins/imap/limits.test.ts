/** Bad input, slow and absent clients, a failing store, draining: every length, count and wait has an end, and the client hears why. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { type Mailbox, MailError, type Store } from 'posthouse/api'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { Client, type Rig, startRig } from './rig.js'

const LIMIT = 1_000_000
let rig: Rig

before(async () => {
  rig = await startRig({ maxMessageBytes: LIMIT })
})
after(async () => {
  await rig.end()
  const bugs = rig.lines.filter(line => line.level === 'error')
  assert.deepEqual(bugs, [], 'nothing here is a bug')
})

// ── lines and literals ──────────────────────────────────────────────────────────────────────────────────────────────────

for (const [who, login, size] of [
  ['a stranger', undefined, 33_000],
  ['an account', 'ann', 70_000],
] as const) {
  test(`an endless line of ${who} is BAD and ends with BYE`, async () => {
    const client = await rig.client(login)
    client.send('x'.repeat(size))
    assert.match(await client.response(), /^\* BAD The line is too long/)
    assert.match(await client.response(), /^\* BYE/)
    assert.equal(await client.response(), 'END')
  })
}

test('a long set within the limit is fine', async () => {
  const client = await rig.client('ann')
  await client.ok('SELECT INBOX')
  await client.ok(`UID FETCH ${Array.from({ length: 9000 }, (_, i) => 2 * i + 1).join(',')} FLAGS`)
})

test('a literal that is too large is refused before it is sent', async () => {
  const client = await rig.client()
  for (const size of ['33000', '99999999999', '18446744073709551616'])
    assert.match(await client.answer(`LOGIN {${size}}`), /^NO \[TOOBIG\]/)
  await client.ok('LOGIN ann secret')
  assert.match(await client.answer('SELECT {70000}'), /^NO \[TOOBIG\]/)
  assert.match(
    await client.answer(`APPEND INBOX {${LIMIT + 1}}`),
    /^NO \[TOOBIG\] Message is too large, 1000000 octets are the limit/,
  )
  assert.match(await client.answer('NOOP'), /^OK/)
})

test('a literal that is too large and already sent is read past, to the end of the command', async () => {
  const client = await rig.client('ann')
  assert.match(await client.answer(`SELECT {70000+}\r\n${'x'.repeat(70000)}`), /^NO \[TOOBIG\]/)
  assert.match(await client.answer(`APPEND INBOX {${LIMIT + 1}+}\r\n${'x'.repeat(LIMIT + 1)}`), /^NO \[TOOBIG\]/)
  const twice = `APPEND nowhere {5+}\r\nabcde {3+}\r\nabc`
  assert.match(await client.answer(twice), /^NO \[TRYCREATE\]/)
  assert.match(await client.answer('NOOP'), /^OK/)
})

test('a literal too large to be read past ends with BYE', async () => {
  const stranger = await rig.client()
  stranger.send('a LOGIN {33000+}\r\n')
  assert.match(await stranger.response(), /^\* BYE \[TOOBIG\]/)
  const client = await rig.client('ann')
  client.send(`a APPEND INBOX {${3 * LIMIT}+}\r\n`)
  assert.match(await client.response(), /^\* BYE \[TOOBIG\]/)
  assert.equal(await client.response(), 'END')
})

test('many literals in one command share one limit', async () => {
  const client = await rig.client('ann')
  await client.ok('SELECT INBOX')
  const keys = Array.from({ length: 8 }, () => `SUBJECT {10000+}\r\n${'x'.repeat(10000)}`).join(' ')
  assert.match(await client.answer(`SEARCH ${keys}`), /^NO \[TOOBIG\]/)
})

test('APPEND is refused before the message is sent when it cannot succeed', async () => {
  const client = await rig.client('ann')
  assert.match(await client.answer('APPEND nowhere {500000}'), /^NO \[TRYCREATE\]/)
  assert.match(await client.answer('APPEND INBOX (\\Foo) {500000}'), /^BAD Expected one of/)
  assert.match(await client.answer('APPEND INBOX "yesterday" {500000}'), /^BAD Expected a day of the month at column/)
  assert.match(await client.answer('APPEND INBOX {0+}\r\n'), /^NO \[CANNOT\]/)
})

test('a large message is stored as it comes and comes back whole', async () => {
  const client = await rig.client('ann')
  const message = `Subject: large\r\n\r\n${'0123456789'.repeat(90_000)}`
  client.send(`a APPEND {5}\r\n`)
  assert.match(await client.response(), /^\+ /)
  client.send(`INBOX (\\Seen) {${message.length}}\r\n`)
  assert.match(await client.response(), /^\+ /)
  for (let at = 0; at < message.length; at += 100_000) {
    client.send(message.slice(at, at + 100_000))
    await sleep(1)
  }
  client.send('\r\n')
  assert.match((await client.answerTo('a')).at(-1)!, /^OK \[APPENDUID/)
  await client.ok('SELECT INBOX')
  assert.ok((await client.ok('FETCH * BODY.PEEK[]'))[0]!.endsWith(`{${message.length}}\r\n${message})`))
})

test('nested searches are bounded', async () => {
  const client = await rig.client('ann')
  await client.ok('SELECT INBOX')
  assert.match(await client.answer(`SEARCH ${'('.repeat(1000)}`), /^BAD Expected search keys nested at most 200 deep/)
  assert.match(await client.answer(`SEARCH ${'NOT '.repeat(1000)}ALL`), /^BAD Expected search keys nested/)
})

test('BAD names place and wish, and too many in a row end the conversation', async () => {
  const client = await rig.client()
  assert.equal(await client.answer('LOGIN ann'), 'BAD Expected a space at column 13')
  for (const line of ['', ' ', '*', 'a', 'a ', '\0', 'GET / HTTP/1.1']) {
    client.send(`${line}\r\n`)
    assert.match(await client.response(), /^\S+ BAD /)
  }
  for (let i = 0; i < 11; i++) assert.match(await client.answer('FOO'), /^BAD/)
  client.send('a FOO\r\n')
  assert.match(await client.response(), /^a BAD/)
  assert.match(await client.response(), /^\* BYE/)
  assert.equal(await client.response(), 'END')
})

test('whatever octets come, the server answers or says BYE and has no bug', async () => {
  const word = fc.constantFrom('a ', 'LOGIN ', 'SELECT INBOX', 'FETCH 1 ', 'UID ', 'APPEND INBOX ', '{3}\r\n', '{2+}\r\n', 'abc', '\r\n', '"', '(', ')', 'BODY[', 'SEARCH ', '1:*', 'STORE 1 FLAGS ', 'IDLE\r\n', 'DONE\r\n', '\\Seen', '\0', 'é') // biome-ignore format: words
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 25 }), fc.boolean(), async (words, login) => {
      const client = await Client.connect(rig.port)
      try {
        if (login) {
          await client.ok('LOGIN bob secret')
          await client.ok('SELECT INBOX')
        }
        client.send(Buffer.from(words.join('')))
        // Whatever was left open is closed by these: a literal filled, a line ended, an IDLE done.
        client.send(`${'x'.repeat(4)}\r\nDONE\r\nz LOGOUT\r\nz LOGOUT\r\n`)
        for (let response = ''; response !== 'END'; ) {
          response = await client.response(2000)
          assert.ok(!response.includes('SERVERBUG'))
        }
      } finally {
        client.close()
      }
    }),
    { numRuns: 100 },
  )
})

// ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test('silence ends with BYE, sooner before the login', async () => {
  const quick = await startRig({ config: { login_timeout: '150ms', idle_timeout: '600ms', keepalive: '200ms' } })
  try {
    const stranger = await quick.client()
    const idler = await quick.client('bob')
    const client = await quick.client('ann')
    assert.match(await stranger.response(), /^\* BYE Silent for too long/)
    assert.match(await client.answer('NOOP'), /^OK/)
    idler.send('a IDLE\r\n')
    assert.match(await idler.response(), /^\+ /)
    assert.match(await idler.response(), /^\* OK Still here/)
    assert.match(await client.response(), /^\* BYE Silent for too long/)
    for (let response = ''; response !== 'END'; ) {
      response = await idler.response()
      assert.match(response, /^(\* OK Still here|\* BYE Silent for too long|END)$/)
    }
  } finally {
    await quick.end()
  }
})

test('half a literal is waited for, and not for ever', async () => {
  const quick = await startRig({ config: { idle_timeout: '200ms' } })
  try {
    const client = await quick.client('ann')
    client.send('a APPEND INBOX {100000+}\r\nSubject: half')
    assert.match(await client.response(), /^\* BYE Silent/)
    assert.equal(await client.response(), 'END')
  } finally {
    await quick.end()
  }
})

test('a client that does not read is cut off, and holds little of what it asked for', async () => {
  const quick = await startRig({ config: { write_timeout: '300ms' } })
  try {
    const client = await quick.client('ann')
    await client.append('INBOX', Buffer.alloc(15_000_000, 'x'))
    await client.ok('SELECT INBOX')
    client.pause(true)
    client.send('a FETCH 1 BODY.PEEK[]\r\n')
    for (let i = 0; i < 100 && !ended(quick); i++) await sleep(50)
    const line = ended(quick)
    assert.equal(line?.facts.reason, 'stalled')
    assert.ok(Number(line?.facts.bytesOut) < 15_000_000)
  } finally {
    await quick.end()
  }
})

const ended = (of: Rig) => of.lines.find(line => line.sentence === 'IMAP session ended')

test('a drained server says BYE to everyone, idling or silent, and ends', async () => {
  const draining = await startRig()
  try {
    const stranger = await draining.client()
    const silent = await draining.client('ann')
    const idler = await draining.client('bob')
    idler.send('a IDLE\r\n')
    await idler.response()
    draining.drain()
    for (const client of [stranger, silent, idler]) {
      assert.match(await client.response(), /^\* BYE The server is shutting down/)
      assert.equal(await client.response(), 'END')
    }
  } finally {
    await draining.end()
  }
})

test('a client that goes away in the middle of anything leaves nothing behind', async () => {
  const watched = await startRig()
  try {
    for (const half of [
      '',
      'a',
      'a IDLE\r\n',
      'a APPEND INBOX {10}\r\nabc',
      'a APPEND INBOX {900000+}\r\nabc',
      'a FETCH',
    ]) {
      const client = await watched.client('ann')
      await client.ok('SELECT INBOX')
      client.send(half)
      await sleep(20)
      client.close()
    }
    for (let i = 0; i < 100 && watched.door.connections > 0; i++) await sleep(20)
    assert.equal(watched.door.connections, 0)
    assert.deepEqual(
      watched.lines.filter(line => line.level === 'error'),
      [],
    )
  } finally {
    await watched.end()
  }
})

// ── a store in trouble ──────────────────────────────────────────────────────────────────────────────────────────────────

/** A store whose mailboxes fail where they are told to. */
function troubled(failing: Partial<Mailbox>): Store {
  const store = createMemoryStore()
  const open = store.mail.open.bind(store.mail)
  store.mail.open = async (...args) => {
    const mailbox = await open(...args)
    return new Proxy(mailbox, {
      get(target, key) {
        const override = failing[key as keyof Mailbox]
        if (override !== undefined) return override
        const value = Reflect.get(target, key) as unknown
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
  return store
}

const down = async () => {
  throw new MailError('store-unavailable', 'the disk is gone: /secret/path')
}

for (const [what, failing, command, answer] of [
  ['trouble', { flag: down }, 'STORE 1 FLAGS (\\Seen)', /^NO \[UNAVAILABLE\] The store is not available right now/],
  [
    'a full mailbox',
    {
      append: async () => {
        throw new MailError('mailbox-full', 'quota')
      },
    },
    'APPEND INBOX {3+}\r\nabc',
    /^NO \[OVERQUOTA\]/,
  ],
  [
    'a bug',
    {
      expunge: async () => {
        throw new TypeError('oops')
      },
    },
    'EXPUNGE',
    /^NO \[SERVERBUG\] Internal error$/,
  ],
] as const) {
  // biome-ignore format: a table
  test(`${what} of the store is told and the conversation goes on`, async () => {
    const ill = await startRig({ store: troubled(failing) })
    try {
      await ill.store.accept({
        message: { id: 'q1', body: { kind: 'memory', bytes: Buffer.from('Subject: x\r\n\r\n') }, cuts: [], sender: null, utf8: false, bodyType: '8BITMIME', received: 1, origin: {} },
        rows: [],
        filings: [{ accountId: 'id-ann', mailbox: 'INBOX', flags: ['\\Deleted'], prefix: '', date: 1 }],
        trail: [],
      }) // biome-ignore format: a message
      const client = await ill.client('ann')
      await client.ok('SELECT INBOX')
      assert.match(await client.answer(command), answer)
      assert.match(await client.answer('NOOP'), /^OK/)
      assert.equal(ill.lines.filter(line => line.level === 'error').length, what === 'a bug' ? 1 : 0)
    } finally {
      await ill.end()
    }
  })
}

test('a store that fills up while a message comes is told after the rest of it, and keeps nothing', async () => {
  const store = createMemoryStore()
  const draft = store.blobs.draft.bind(store.blobs)
  let abandoned = 0
  store.blobs.draft = () => {
    const real = draft()
    let chunks = 0
    return {
      write: async chunk => {
        if (++chunks > 2) throw new MailError('store-full', 'no space left')
        await real.write(chunk)
      },
      finish: () => real.finish(),
      abandon: async () => {
        abandoned += 1
        await real.abandon()
      },
    }
  }
  const ill = await startRig({ store })
  try {
    const client = await ill.client('ann')
    assert.match(
      await client.append('INBOX', Buffer.alloc(3_000_000, 'x')),
      /^NO \[UNAVAILABLE\] Insufficient system storage/,
    )
    assert.match((await client.ok('STATUS INBOX (MESSAGES)'))[0]!, /MESSAGES 0/)
    assert.equal(abandoned, 1)
  } finally {
    await ill.end()
  }
})

test('a message that vanishes while it is sent ends the connection at once, as its literal cannot be completed', async () => {
  let reads = 0
  const gone = async (entry: { size: number }, from = 0, to = entry.size) => {
    if (++reads > 3) throw new MailError('message-gone', 'expunged')
    return Buffer.alloc(to - from, 'x')
  }
  const ill = await startRig({ store: troubled({ read: gone as Mailbox['read'] }) })
  try {
    const client = await ill.client('ann')
    await client.append('INBOX', Buffer.alloc(2_000_000, 'x'))
    await client.ok('SELECT INBOX')
    assert.deepEqual(await client.command('FETCH 1 BODY.PEEK[]'), ['END'])
    assert.equal(ended(ill)?.facts.reason, 'torn')
  } finally {
    await ill.end()
  }
})

test('changes that cannot be looked for do not stop an idling client, nor spin', async () => {
  let looks = 0
  const changes = async () => {
    looks += 1
    return down()
  }
  const ill = await startRig({ store: troubled({ changes }), config: { keepalive: '100ms' } })
  try {
    const client = await ill.client('ann')
    await client.ok('SELECT INBOX')
    client.send('a IDLE\r\n')
    assert.match(await client.response(), /^\+ /)
    await sleep(350)
    client.send('DONE\r\n')
    assert.deepEqual((await client.answerTo('a')).at(-1), 'OK IDLE done')
    assert.ok(looks < 12, `looked ${looks} times`)
  } finally {
    await ill.end()
  }
})
