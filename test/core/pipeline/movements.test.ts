/** What people do with their mail, in the trail of the message. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Marking, Movement, TrailEntry } from '../../../core/api/index.js'
import { AN_HOUR, MovementLog } from '../../../core/pipeline/movements.js'
import { receivedField } from '../../../core/pipeline/trace.js'
import { newId } from '../../../core/text/index.js'
import { quietLog } from '../../harness/log.js'
import { anEnvelope, aSession } from '../../harness/session.js'

const NOW = Date.UTC(2030, 0, 1)
const DAY = 86_400_000

async function noted(keepMs: number | undefined, tell: (log: MovementLog) => void): Promise<TrailEntry[]> {
  const written: TrailEntry[] = []
  const trail = {
    add: async (entries: readonly TrailEntry[]) => void written.push(...entries),
    reach: async () => (keepMs === undefined ? {} : { keepMs }),
  }
  const log = new MovementLog({ trail, clock: { now: () => NOW }, log: quietLog })
  tell(log)
  await log.close()
  return written
}

/** As it stands in front of a message that was delivered here. */
function prefixOf(id: string): string {
  const facts = { server: 'mail.example.test', now: NOW }
  return `Return-Path: <>\r\n${receivedField(aSession({ helo: 'by' }), anEnvelope({ id }), facts)}X-Other: id 5\r\n`
}

function moved(id: string, more: Partial<Movement> = {}): Movement {
  const way = { kind: 'moved', from: 'INBOX', to: 'Junk' } as const
  return { login: 'alice@example.test', protocol: 'imap', ...way, prefixes: [prefixOf(id)], ...more }
}

const ID = `${newId(NOW - DAY)}.1`

test('a move stands in the trail of the message, in words', async () => {
  const [entry, ...more] = await noted(undefined, log => log.tell(moved(ID)))
  assert.deepEqual([entry!.id, entry!.event, entry!.at, more.length], [ID, 'moved', NOW, 0])
  assert.equal(entry!.says, 'alice@example.test moved it from INBOX to Junk, by IMAP.')
})

test('so does a removal by POP3, and a mark', async () => {
  const { to: _, ...gone } = moved(ID, { kind: 'removed', protocol: 'pop3' })
  const marking = { accountId: 'a1', says: 'junk', by: 'keyword', prefix: prefixOf(ID) } as Marking
  const entries = await noted(undefined, log => {
    log.tell(gone)
    log.marked(marking)
    log.marked({ ...marking, by: 'move' })
  })
  assert.deepEqual(
    entries.map(({ event, says }) => [event, says]),
    [
      ['expunged', 'alice@example.test removed it from INBOX for good, by POP3.'],
      ['marked', 'Its owner marked it as junk.'],
    ],
  )
})

test('mail that was uploaded, and mail whose records are not kept any more, gets none', async () => {
  const entries = await noted(DAY / 2, log => {
    log.tell(moved(ID))
    log.tell(moved('', { prefixes: ['', 'Received: from elsewhere by other.example with SMTP; today\r\n'] }))
    log.tell(moved(`${newId(NOW - 1)}.1`))
  })
  assert.equal(entries.length, 1)
})

test('what one person does in an hour is bounded, and others are not', async () => {
  const prefixes = Array<string>(500).fill(prefixOf(ID))
  const entries = await noted(undefined, log => {
    for (let n = 0; n < AN_HOUR / 500 + 3; n++) log.tell(moved(ID, { prefixes }))
    log.tell(moved(ID, { login: 'bob@example.test' }))
  })
  assert.equal(entries.length, AN_HOUR + 1)
})
