/**
 * Mail for a thousand mailboxes of ours is stored once and filed in one commit: seen from outside, by a preloaded library that counts the server's flushes
 * and the octets it hands to files.
 */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { buildFlushCounter, FlushCounter, type Flushes } from '../../bench/lib/flush.js'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { sendOctets } from '../harness/send-mail.js'

const PEOPLE = 1000
const BODY_BYTES = 8_000_000
/** Fields of its own, index, trail and log line of one copy. */
const MOST_PER_COPY = 8_000
/** A commit is one or two; the state, which is elsewhere, is flushed now and then. One for each recipient would be a thousand. */
const MOST_FLUSHES = 20

const address = (at: number) => `u${at}@example.test`

describe('mail for a thousand mailboxes', () => {
  let folder: string
  let server: Instance
  let flushes: FlushCounter | undefined
  let why: string | undefined

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'posthouse-thousand-'))
    const built = buildFlushCounter(folder)
    if ('why' in built) why = built.why
    else flushes = new FlushCounter(built.library, join(folder, 'flushes'))
    server = await Instance.make({
      users: [[address(0), 'secret']],
      ...(flushes && { run: { env: flushes.env } }),
      without: CONTENT,
    })
    await clonedAccounts(join(server.dataDir, 'accounts.json'))
    await server.start()
    // Their mailboxes are made with the first mail.
    await send('first', 100)
  })
  after(async () => {
    await server?.destroy()
    await rm(folder, { recursive: true, force: true })
  })

  async function send(subject: string, bytes: number): Promise<void> {
    const to = Array.from({ length: PEOPLE }, (_, at) => address(at))
    const body = `${'x'.repeat(98)}\r\n`.repeat(bytes / 100)
    const octets = Buffer.from(`From: <carol@world.test>\r\nSubject: ${subject}\r\n\r\n${body}`)
    await sendOctets(server.ports.mx, { from: 'carol@world.test', to, octets })
    // One line for each, behind the commit.
    await eventually(() => (server.log.split(`"to":"${address(PEOPLE - 1)}"`).length > sent ? true : undefined))
    sent += 1
  }
  let sent = 1

  async function during(work: () => Promise<void>): Promise<Pick<Flushes, 'calls' | 'syncWrites' | 'fileBytes'>> {
    const before = flushes!.read()
    await work()
    const now = flushes!.read()
    return {
      calls: now.calls - before.calls,
      syncWrites: now.syncWrites - before.syncWrites,
      fileBytes: now.fileBytes - before.fileBytes,
    }
  }

  test('is flushed a few times, whatever the number of mailboxes', async t => {
    if (why !== undefined) return t.skip(why)
    const { calls, syncWrites } = await during(() => send('small', 1000))
    t.diagnostic(`${calls} flushes, ${syncWrites} synchronous writes`)
    assert.ok(calls + syncWrites > 0)
    assert.ok(calls + syncWrites <= MOST_FLUSHES, `${calls} flushes, ${syncWrites} synchronous writes`)
  })

  test('has its body written once', async t => {
    if (why !== undefined) return t.skip(why)
    const { fileBytes } = await during(() => send('large', BODY_BYTES))
    t.diagnostic(`${fileBytes} octets`)
    assert.ok(fileBytes >= BODY_BYTES)
    assert.ok(fileBytes < BODY_BYTES * 1.2 + PEOPLE * MOST_PER_COPY, `${fileBytes} octets were written`)
  })

  test('is in all of them, and the queue has seen none of it', async () => {
    const { stdout } = await server.cli(['queue', 'ls', '--json'])
    assert.deepEqual(JSON.parse(stdout || '[]'), [])
    assert.equal(server.log.match(/"mailbox":"INBOX"/g)?.length, 3 * PEOPLE)
    assert.doesNotMatch(server.log, /"tries":/)
  })
})

/** The same password for all: making a thousand would be most of the test. */
async function clonedAccounts(path: string): Promise<void> {
  const file = JSON.parse(await readFile(path, 'utf8')) as { accounts: { id: string }[] }
  const [first] = file.accounts
  file.accounts = Array.from({ length: PEOPLE }, (_, at) => ({
    ...first!,
    id: `${first!.id}${at}`,
    login: address(at),
    addresses: [address(at)],
  }))
  await writeFile(path, JSON.stringify(file), { mode: 0o600 })
}
