/**
 * kill -9 while mail is filed, sent on and answered: the three are one commit, so of each mail there are all of them or none, and of what was
 * acknowledged all, each once. Only what was just being delivered to the other server may get there twice.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { mailboxesOf, noMailboxes } from '../harness/mailboxes.js'
import { sendOctets } from '../harness/send-mail.js'
import { SmtpSink } from '../harness/smtp-sink.js'

const ALICE = 'alice@example.test'
const KILLS = 4
/** Mails of one round, and the acknowledged one at which the server is killed. */
const ROUND = 12
const BLOW = 5

test('mail is filed, sent on and answered together, however often the server is killed', {
  skip: noMailboxes,
}, async t => {
  const sink = await new SmtpSink().start()
  const a = await Instance.make({
    without: CONTENT,
    domain: 'example.test',
    users: [[ALICE, 'secret a']],
    first: [{ use: 'srs' }],
    server: { workers: 2, queue: { lease: '10s', retry: ['1s'] } },
    plugins: { mx: { routes: { '*': `127.0.0.1:${sink.port}` }, keep_idle: '0s' } },
    run: { detached: true },
  })
  t.after(async () => {
    await a.destroy()
    await sink.stop()
  })
  await a.start()
  assert.equal((await a.cli(['filing', 'add', ALICE, 'all', '--forward', 'friend@far.test', '--keep'])).code, 0)
  assert.equal((await a.cli(['vacation', 'set', ALICE], 'Away.\n')).code, 0)

  const acknowledged = new Set<string>()
  for (let kill = 0; kill <= KILLS; kill++) {
    let dead: Promise<void> | undefined
    const send = async (name: string): Promise<void> => {
      const octets = Buffer.from(`To: ${ALICE}\r\nSubject: ${name}\r\nMessage-ID: <${name}@world.test>\r\n\r\nx\r\n`)
      try {
        await sendOctets(a.ports.mx, { from: `${name}@world.test`, to: [ALICE], octets })
        acknowledged.add(name)
        if (kill < KILLS && acknowledged.size % ROUND >= BLOW) dead ??= a.killAll()
      } catch (error) {
        // It was killed before it could answer.
        if (dead === undefined) throw error
      }
    }
    await Promise.all(Array.from({ length: ROUND }, (_, at) => send(`m${kill}-${at}`)))
    await (dead ?? (kill < KILLS ? a.killAll() : undefined))
    if (kill < KILLS) await a.start()
  }

  const copies = (await mailboxesOf(a.ports.imap, ALICE, 'secret a')).INBOX!.map(({ subject }) => subject)
  assert.equal(new Set(copies).size, copies.length, 'no copy is there twice')
  for (const name of acknowledged) assert.ok(copies.includes(name), `${name} was acknowledged`)
  const arrived = (to: RegExp, name: (message: (typeof sink.messages)[number]) => string) =>
    new Set(sink.messages.filter(({ recipients }) => to.test(recipients[0]!)).map(name))
  const sent = () => arrived(/^friend@/, ({ data }) => /^Subject: (\S+)\r$/m.exec(data.toString())![1]!)
  const answered = () => arrived(/@world\.test$/, ({ recipients }) => recipients[0]!.replace('@world.test', ''))
  await eventually(() => (copies.every(name => sent().has(name) && answered().has(name)) ? true : undefined))
  const all = new Set(copies)
  for (const name of [...sent(), ...answered()]) assert.ok(all.has(name), `${name} was filed as well`)
})
