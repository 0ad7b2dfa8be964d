/** Periods, places, counts and reports: what domains publish, and what we make of what was judged. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MailError, type State } from '../../../core/api/index.js'
import { aContext } from '../../../core/testing/context.js'
import { formatAddress, scanHeader } from '../../../core/text/index.js'
import { dmarcReports } from '../../../plugins/dmarc-reports/inbox.js'
import { endOf, hoursOf, periodAt, periodsBefore, startOf } from '../../../plugins/dmarc-reports/periods.js'
import { agreedPlaces, readPlaces } from '../../../plugins/dmarc-reports/places.js'
import { fileName, mailOf, writeReport } from '../../../plugins/dmarc-reports/report.js'
import { periodsKnown, Tally, tallied } from '../../../plugins/dmarc-reports/tally.js'
import { aJudged, type JudgedWish } from './made.js'

const NOON = Date.parse('2026-11-21T12:00:00Z')
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const DAY = '2026-11-21T00+24'

describe('a domain that asks for a report', () => {
  for (const [seconds, least, hours] of [
    [86_400, DAY_MS, 24],
    [3600, DAY_MS, 24],
    [3600, HOUR_MS, 1],
    [18_000, HOUR_MS, 4],
    [600, HOUR_MS, 1],
    [604_800, HOUR_MS, 24],
    [3600, 6 * HOUR_MS, 6],
    [3600, 60_000, 1],
    [0, HOUR_MS, 24],
  ] as const)
    test(`every ${seconds} s, where ${least / HOUR_MS} h is the shortest, has one every ${hours} h`, () =>
      assert.equal(hoursOf(seconds, least), hours))

  test('has them of full hours that divide the day', () => {
    const period = periodAt(NOON + 1000, 8)
    assert.equal(period, '2026-11-21T08+8')
    assert.deepEqual([startOf(period), endOf(period)], [NOON - 4 * HOUR_MS, NOON + 4 * HOUR_MS])
  })

  test('has them looked for until two days later', () => {
    const names = periodsBefore(NOON, DAY_MS, HOUR_MS).map(({ name }) => name)
    assert.deepEqual(names, ['2026-11-20T00+24', '2026-11-19T00+24'])
    const short = periodsBefore(NOON, 12 * HOUR_MS, DAY_MS).map(({ name, spreadMs }) => `${name} ${spreadMs / HOUR_MS}`)
    assert.deepEqual(short.slice(0, 2), ['2026-11-21T00+12 6', '2026-11-20T12+12 6'])
  })
})

describe('places in rua', () => {
  for (const [rua, expected] of [
    ['mailto:a@them.test', ['a@them.test']],
    ['mailto:a@them.test!10m , mailto:b@them.test!5k,mailto:c@them.test!7', ['a@them.test 10485760', 'b@them.test 5120', 'c@them.test 7']],
    ['https://them.test/, mailto:a%21b@them.test', ['a!b@them.test']],
    ['mailto:a@them.test!x, mailto:b@them.test!1m!2m, mailto:, them@them.test', []],
    [Array.from('abcdef', name => `mailto:${name}@them.test`).join(','), ['a@them.test', 'b@them.test', 'c@them.test', 'd@them.test']],
  ] as const)
    test(rua, () => {
      const found = readPlaces(rua).map(({ to, most }) => `${formatAddress(to)}${most === undefined ? '' : ` ${most}`}`)
      assert.deepEqual(found, expected)
    }) // biome-ignore format: a table

  const ZONE: Readonly<Record<string, readonly string[] | 'trouble'>> = {
    'them.test._report._dmarc.takes.test': ['hello', 'v=DMARC1'],
    'them.test._report._dmarc.other.test': ['v=DMARC1; rua=mailto:new@other.test'],
    'them.test._report._dmarc.on.test': ['v=DMARC1; rua=mailto:x@victim.test'],
    'them.test._report._dmarc.half.test': ['x; v=DMARC1'],
    'them.test._report._dmarc.down.test': 'trouble',
  }
  const asked: string[] = []
  const dns = {
    txt: async (name: string) => {
      asked.push(name)
      const found = ZONE[name] ?? []
      if (found === 'trouble') throw new MailError('dns-unavailable', name)
      return found
    },
  }
  const agreed = async (rua: string) => {
    const { places, refused } = await agreedPlaces('them.test', rua, dns, new AbortController().signal)
    return [places.map(({ to }) => formatAddress(to)), refused.length] as const
  }

  for (const [what, rua, expected] of [
    ['of the same organisation needs no word of anybody', 'mailto:a@in.them.test', [['a@in.them.test'], 0]],
    ['of somebody who takes them', 'mailto:a@Takes.test', [['a@takes.test'], 0]],
    ['of somebody who names another address', 'mailto:a@other.test', [['new@other.test'], 0]],
    ['named twice is one', 'mailto:a@them.test,mailto:A@them.test', [['a@them.test'], 0]],
    ['of somebody who says nothing is passed over', 'mailto:a@victim.test,mailto:a@them.test', [['a@them.test'], 1]],
    ['of somebody who sends it on is passed over', 'mailto:a@on.test', [[], 1]],
    ['of somebody with another record is passed over', 'mailto:a@half.test', [[], 1]],
  ] as const)
    test(`one ${what}`, async () => assert.deepEqual(await agreed(rua), expected))

  test('are not known while the name service has trouble', async () => {
    await assert.rejects(agreed('mailto:a@down.test,mailto:a@them.test'), MailError)
  })

  test('of our own organisation are not asked about', async () => {
    asked.length = 0
    await agreed('mailto:a@them.test')
    assert.deepEqual(asked, [])
  })
})

function makeTally(leastMs = DAY_MS) {
  const counted = new Map<string, number>()
  const count = (name: string, by = 1) => void counted.set(name, (counted.get(name) ?? 0) + by)
  const time = { now: NOON }
  const { state, log } = aContext({})
  const parts = { state, log, clock: { now: () => time.now }, metrics: { count, observe: () => undefined }, leastMs }
  const another = () => new Tally(parts)
  return {
    state,
    log,
    time,
    counted,
    another,
    tally: another(),
    of: (period: string) => tallied(state, period, time.now),
  }
}

describe('what was judged', () => {
  test('is counted by policy and row, all workers together', async () => {
    const { tally, another, of } = makeTally()
    const second = another()
    for (const one of [tally, second]) one.note(aJudged())
    tally.note(aJudged({ passed: true, from: 'a.them.test' }))
    second.note(aJudged({ source: '2001:db8::1' }))
    await Promise.all([tally.flush(), second.flush()])
    const [policy, ...others] = await of(DAY)
    assert.equal(others.length, 0)
    assert.deepEqual([policy?.published.at, policy?.published.policy], ['them.test', 'reject'])
    assert.deepEqual(
      policy?.rows.map(({ count, source, from, spf, overrides }) => [count, source, from, spf, overrides[0]?.kind]).sort(),
      [
        [1, '192.0.2.7', 'a.them.test', true, undefined],
        [1, '2001:db8::1', 'them.test', false, 'local_policy'],
        [2, '192.0.2.7', 'them.test', false, 'local_policy'],
      ],
    ) // biome-ignore format: a table
  })

  test('under another policy of the same day is another report', async () => {
    const { tally, of } = makeTally()
    tally.note(aJudged())
    tally.note(aJudged({ published: { policy: 'none' } }))
    await tally.flush()
    assert.deepEqual((await of(DAY)).map(({ published }) => published.policy).sort(), ['none', 'reject'])
  })

  test('is counted by the hour where both sides want it', async () => {
    const { tally, state, time } = makeTally(HOUR_MS)
    tally.note(aJudged({ published: { reportsEvery: 3600 } }))
    time.now += HOUR_MS
    tally.note(aJudged({ published: { reportsEvery: 3600 } }))
    await tally.flush()
    assert.deepEqual(await periodsKnown(state, time.now), ['2026-11-21T12+1', '2026-11-21T13+1'])
  })

  for (const [applied, became, disposition, reasons] of [
    ['reject', 'refused', 'reject', 0],
    ['reject', 'accepted', 'none', 1],
    ['quarantine', 'quarantined', 'quarantine', 0],
    ['quarantine', 'refused', 'quarantine', 0],
    ['quarantine', 'accepted', 'none', 1],
  ] as const)
    test(`where ${applied} was asked for, and was ${became}, is told of as ${disposition}`, async () => {
      const { tally, of } = makeTally()
      tally.note(aJudged({ applied, became }))
      await tally.flush()
      const [row] = (await of(DAY))[0]!.rows
      assert.deepEqual([row?.disposition, row?.overrides.length], [disposition, reasons])
    })

  test('is counted on when the state has had trouble, with all that is needed to read it', async () => {
    const { state, time, log } = makeTally()
    const broken = { on: true }
    const weak: State = {
      ...state,
      put: (...asked) => (broken.on ? Promise.reject(new Error('full')) : state.put(...asked)),
    }
    const metrics = { count: () => undefined, observe: () => undefined }
    const tally = new Tally({ state: weak, log, clock: { now: () => time.now }, metrics, leastMs: DAY_MS })
    for (const on of [true, false]) {
      broken.on = on
      tally.note(aJudged())
      await tally.flush()
    }
    assert.deepEqual(
      (await tallied(state, DAY, time.now)).map(({ rows }) => rows.map(({ count }) => count)),
      [[1]],
    )
  })

  test('of a domain without a policy, or that wants no reports, is not', async () => {
    const { tally, counted, state } = makeTally()
    const { facts, ...arrival } = aJudged()
    const { published: _published, ...dmarc } = facts.dmarc
    tally.note({ ...arrival, facts: { ...facts, dmarc } })
    tally.note(aJudged({ published: { reportsTo: '' } }))
    await tally.flush()
    assert.deepEqual([counted.size, (await periodsKnown(state, NOON)).length], [0, 0])
  })

  const flood = (wishes: readonly JudgedWish[]) => {
    const made = makeTally()
    for (const wish of wishes) made.tally.note(aJudged(wish))
    return made
  }

  test('has bounds in rows, policies and domains; what has no room is counted as left out', async () => {
    const rows = flood(Array.from({ length: 1010 }, (_, i) => ({ selector: `s${i}` })))
    await rows.tally.flush()
    assert.deepEqual([(await rows.of(DAY))[0]?.rows.length, rows.counted.get('dmarc-reports.left-out')], [1000, 10])
    const policies = flood(Array.from({ length: 9 }, (_, i) => ({ published: { percent: i } })))
    assert.equal(policies.counted.get('dmarc-reports.left-out'), 5)
    const domains = flood(Array.from({ length: 5003 }, (_, i) => ({ published: { at: `d${i}.test` } })))
    assert.equal(domains.counted.get('dmarc-reports.left-out'), 3)
    await Promise.all([policies.tally.flush(), domains.tally.flush()])
  })

  test('still finds its row when there is no room for others', async () => {
    const { tally, of } = flood(Array.from({ length: 1010 }, (_, i) => ({ selector: `s${i}` })))
    tally.note(aJudged({ selector: 's5' }))
    await tally.flush()
    assert.equal((await of(DAY))[0]?.rows[0]?.count, 2)
  })
})

describe('a report', async () => {
  const { tally, of } = makeTally()
  tally.note(aJudged({ selector: '<&>"\uffff' }))
  tally.note(aJudged({ selector: '<&>"\uffff' }))
  tally.note(aJudged({ passed: true, from: 'a.them.test' }))
  await tally.flush()
  const [policy] = await of(DAY)
  const facts = { period: DAY, tally: policy!, organization: 'Us & Co', from: { local: 'dmarc', domain: 'us.test' } }
  const report = writeReport(facts)
  const mail = mailOf(report, facts, { local: 'rua', domain: 'them.test' }, NOON)

  test('is named and addressed as receivers look for it (RFC 7489 §7.2.1.1)', () => {
    const fields = new Map(scanHeader(mail).fields.map(({ name, raw }) => [name, raw]))
    assert.equal(fields.get('Subject'), `Report Domain: them.test Submitter: us.test Report-ID: <${report.id}>`)
    assert.match(report.id, /^202611210024\.[0-9a-f]{16}@us\.test$/)
    assert.match(fileName(report, facts), /^us\.test!them\.test!1795219200!1795305599![0-9a-f]{16}\.xml\.gz$/)
    assert.ok(mail.toString('latin1').includes(`filename="${fileName(report, facts)}"`))
    assert.ok(
      mail
        .toString('latin1')
        .split('\r\n')
        .every(line => line.length < 200 && !/[\r\n]/.test(line)),
    )
  })

  test('is read by ourselves as it was written', async () => {
    const read = await dmarcReports({ now: () => NOON + DAY_MS }).read(mail)
    assert.deepEqual([read.organization, read.contact, read.id, read.domain], ['Us & Co', 'dmarc@us.test', report.id, 'them.test'])
    assert.deepEqual([read.from, read.until], [startOf(DAY), endOf(DAY) - 1000])
    assert.equal(read.policy, 'p=reject; sp=none; adkim=s; aspf=r; pct=100; fo=1')
    assert.deepEqual(read.sums, { rows: 2, messages: 3, passed: 1 })
    assert.deepEqual(read.rows[0], {
      ...{ source: '192.0.2.7', count: 2, disposition: 'none', dkim: false, spf: false, from: 'them.test' },
      ...{ envelopeFrom: 'bounce.them.test', reasons: ['local_policy: enforce is off here'] },
      ...{ signatures: ['list.test <&>"? pass'], senders: ['bounce.them.test fail'] },
    })
  }) // biome-ignore format: long lines

  test('has the same id when it is made again, and another one for another policy', () => {
    assert.equal(writeReport(facts).id, report.id)
    assert.notEqual(writeReport({ ...facts, tally: { ...policy!, id: 'x' } }).id, report.id)
  })

  test('of very many sources tells of the largest, and says so', async () => {
    const rows = Array.from({ length: 2050 }, (_, i) => ({ ...policy!.rows[0]!, source: `10.0.${i >> 8}.${i & 255}` }))
    const many = { ...facts, tally: { ...policy!, rows } }
    const read = await dmarcReports({ now: () => NOON + DAY_MS }).read(
      mailOf(writeReport(many), many, facts.from, NOON),
    )
    assert.equal(read.sums.rows, 2000)
  })
})
