/** Which reports leave, when, where to, and how often: once. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { Mailer, OwnMail } from '../../../core/api/index.js'
import { aContext } from '../../../core/testing/context.js'
import { formatAddress } from '../../../core/text/index.js'
import { type SenderParts, senderOf } from '../../../plugins/dmarc-reports/sender.js'
import { Tally } from '../../../plugins/dmarc-reports/tally.js'
import { fakeDns } from '../../harness/fake-dns.js'
import { aJudged, type JudgedWish } from './made.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const NOON = Date.parse('2026-11-21T12:00:00Z')
const MIDNIGHT = Date.parse('2026-11-22T00:00:00Z')
const LATER = MIDNIGHT + 5 * HOUR_MS

type Zone = Record<string, readonly string[] | 'trouble'>

/** These were judged on the 21st; the clock stands at noon of that day. */
async function makeWorld(judged: readonly JudgedWish[], more: Partial<SenderParts> = {}, zone: Zone = {}) {
  const time = { now: NOON }
  const clock = { now: () => time.now }
  const { state, log, metrics } = aContext({})
  const leastMs = more.leastMs ?? DAY_MS
  const tally = new Tally({ state, clock, log, metrics, leastMs })
  for (const wish of judged) tally.note(aJudged(wish))
  await tally.flush()
  // As the mailer of core has it.
  const accepted = new Map<string, OwnMail>()
  const asked: OwnMail[] = []
  const mailer: Mailer = {
    async send(mail) {
      asked.push(mail)
      const id = `${mail.once?.at} ${mail.once?.key}`
      if (!accepted.has(id)) accepted.set(id, mail)
      return id
    },
  }
  const parts: SenderParts = {
    ...{ state, clock, log, metrics, mailer, leastMs },
    dns: {
      ...fakeDns({}),
      txt: async name => {
        const entry = zone[name] ?? []
        if (entry === 'trouble') throw new Error('SERVFAIL')
        return entry
      },
    },
    from: { local: 'dmarc', domain: 'us.test' },
    organization: 'Us',
    spreadMs: 4 * HOUR_MS,
    server: 'mail.us.test',
    signal: new AbortController().signal,
    ...more,
  }
  const at = async (ms: number, sender = senderOf(parts)) => {
    time.now = ms
    await sender.look()
  }
  const to = () => [...accepted.values()].map(mail => formatAddress(mail.to))
  return { accepted, asked, state, zone, parts, at, to }
}

function xmlOf({ bytes }: OwnMail): string {
  const text = bytes.toString('latin1')
  const [, data] = /Content-Disposition:[^\0]*?\r\n\r\n([A-Za-z0-9+/=\r\n]+)--/.exec(text) ?? []
  return gunzipSync(Buffer.from(data ?? '', 'base64')).toString()
}

test('a report leaves once, when the day is over, at some moment of the spread', async () => {
  const { accepted, asked, at } = await makeWorld([{}, {}, { passed: true }])
  for (const ms of [MIDNIGHT - 1, MIDNIGHT + 1]) await at(ms)
  assert.equal(asked.length, 0)
  for (const hour of [5, 6, 7, 20]) await at(MIDNIGHT + hour * HOUR_MS)
  assert.equal(asked.length, 1)
  const [mail] = accepted.values()
  assert.deepEqual([mail?.to, mail?.sender], [{ local: 'rua', domain: 'them.test' }, null])
  assert.match(xmlOf(mail!), /<count>2<\/count>/)
})

test('it is sent by one of two workers', async () => {
  const { asked, at, parts } = await makeWorld([{}])
  await Promise.all([at(LATER), at(LATER, senderOf(parts))])
  assert.equal(asked.length, 1)
})

test('after a crash, before it was noted as sent, it is offered again as the same mail, which the mailer takes once', async () => {
  const { accepted, asked, at, state } = await makeWorld([{}])
  await at(LATER)
  for (const kind of ['told', 'done'])
    for (const { key } of await state.list(`${kind}/`, LATER)) assert.ok(await state.remove(key), key)
  await at(LATER + HOUR_MS)
  assert.deepEqual([asked.length, accepted.size], [2, 1])
})

test('who asks for it and is allowed to has it every hour', async () => {
  const { to, at } = await makeWorld([{ published: { reportsEvery: 3600 } }], { leastMs: HOUR_MS })
  await at(NOON + HOUR_MS + 45 * 60_000)
  assert.deepEqual(to(), ['rua@them.test'])
})

test('all places of a domain get it', async () => {
  const { to, at } = await makeWorld([{ published: { reportsTo: 'mailto:a@them.test,mailto:b@them.test' } }])
  await at(LATER)
  assert.deepEqual(to(), ['a@them.test', 'b@them.test'])
})

describe('it is not sent', () => {
  for (const [what, wish, told] of [
    ['to who takes less than it has', { published: { reportsTo: 'mailto:rua@them.test!100' } }, 'unwanted'],
    ['to somebody who has not asked for it', { published: { reportsTo: 'mailto:rua@victim.test' } }, 'unwanted'],
    ['where nothing but reports has come', { isReport: true }, undefined],
  ] as const)
    test(what, async () => {
      const { asked, at, state } = await makeWorld([wish])
      await at(LATER)
      assert.equal(asked.length, 0)
      assert.deepEqual((await state.list('told/', LATER)).map(({ value }) => value), told === undefined ? [] : [told])
    }) // biome-ignore format: a table
})

test('where something else has come too, reports are counted beside it', async () => {
  const { accepted, at } = await makeWorld([{ isReport: true }, {}])
  await at(LATER)
  assert.equal(xmlOf([...accepted.values()][0]!).match(/<record>/g)?.length, 2)
})

test('while the name service does not say who agrees it waits, longer each time, and is given up after a day', async () => {
  const rua = { published: { reportsTo: 'mailto:rua@else.test' } }
  const name = 'them.test._report._dmarc.else.test'
  const { to, at, zone } = await makeWorld([rua], {}, { [name]: 'trouble' })
  await at(LATER)
  zone[name] = ['v=DMARC1']
  await at(LATER + 60_000)
  assert.deepEqual(to(), [])
  await at(LATER + HOUR_MS)
  assert.deepEqual(to(), ['rua@else.test'])
  const late = await makeWorld([rua], {}, { [name]: 'trouble' })
  await late.at(LATER)
  late.zone[name] = ['v=DMARC1']
  await late.at(LATER + DAY_MS)
  assert.deepEqual(late.to(), [])
})

test('one place that does not take it is tried again, and the others are not sent it twice', async () => {
  let open = false
  const taken: string[] = []
  const mailer: Mailer = {
    async send({ to, once }) {
      if (to.local === 'a' && !open) throw new Error('disk full')
      taken.push(`${to.local} ${once?.key}`)
      return 'id'
    },
  }
  const published = { reportsTo: 'mailto:a@them.test,mailto:b@them.test' }
  const { at, state } = await makeWorld([{ published }], { mailer })
  await at(LATER)
  assert.equal((await state.list('wait/', LATER)).length, 1)
  open = true
  await at(LATER + HOUR_MS)
  // Twice under the same key is once for the mailer.
  assert.equal(new Set(taken).size, 2)
  assert.equal((await state.list('told/', LATER)).length, 1)
})
