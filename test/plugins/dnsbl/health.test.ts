/** Health of lists (RFC 5782 §5): which are lists at all, who tests them, and how they go and come back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Notice, State } from '../../../core/api/index.js'
import { YamlSource } from '../../../core/config/yaml.js'
import { aContext } from '../../../core/testing/context.js'
import { rememberingLog } from '../../../core/testing/index.js'
import { dnsblCommands } from '../../../plugins/dnsbl/commands.js'
import { CONFIG, type Config, termsOf } from '../../../plugins/dnsbl/config.js'
import { hashed } from '../../../plugins/dnsbl/hash.js'
import { type Health, isDue, readHealth, testList } from '../../../plugins/dnsbl/health.js'
import type { Entries } from '../../../plugins/dnsbl/question.js'
import { Watch } from '../../../plugins/dnsbl/watch.js'
import { runCommand } from '../../harness/context.js'
import { type FakeEntry, type FakeZone, fakeDns } from '../../harness/fake-dns.js'

const FOUR = { there: '2.0.0.127', gone: '1.0.0.127' }
const ZEROS = '0.'.repeat(20)
const SIX = {
  there: `2.0.0.0.0.0.f.7.f.f.f.f.${ZEROS}`.slice(0, -1),
  gone: `1.0.0.0.0.0.f.7.f.f.f.f.${ZEROS}`.slice(0, -1),
}
const OK: FakeEntry = { a: ['127.0.0.2'] }

function terms(config: object = {}) {
  const source = new YamlSource('with', JSON.stringify({ lists: [{ zone: 'bad.test' }], ...config }))
  const checked = source.check(CONFIG)
  assert.deepEqual(checked.faults, [])
  return termsOf(checked.value as Config, [])
}

for (const [says, zone, state, why] of [
  ['lists what it must and nothing else', { there: OK, gone: {} }, 'healthy', undefined],
  ['lists nothing', { there: {}, gone: {} }, 'wrong', /not listed/],
  ['lists everything', { there: OK, gone: OK }, 'wrong', /probably everything/],
  ['refuses our queries', { there: { a: ['127.255.255.254'] }, gone: {} }, 'wrong', /query refused/],
  ['is a parked domain', { there: { a: ['192.0.2.80'] }, gone: { a: ['192.0.2.80'] } }, 'wrong', /query refused/],
  ['has trouble', { there: 'trouble', gone: {} }, 'silent', /SERVFAIL/],
  ['has trouble with the entry that must not be', { there: OK, gone: 'trouble' }, 'silent', /SERVFAIL/],
] as const satisfies readonly (readonly [string, FakeZone, Health['state'], RegExp | undefined])[]) {
  for (const [family, names] of [
    ['ipv4', FOUR],
    ['ipv6', SIX],
  ] as const) {
    test(`a list that ${says} is ${state} (${family})`, async () => {
      const dns = fakeDns({ [`${names.there}.bad.test`]: zone.there, [`${names.gone}.bad.test`]: zone.gone })
      const found = await testList(dns, terms().lists[0]!, family, new AbortController().signal)
      assert.equal(found.state, state)
      if (why !== undefined) assert.match(found.why ?? '', why)
    })
  }
}

// RFC 5782 §5: TEST and INVALID for names. Hashes have no such rule: what cannot exist must not be there.
const IMPOSSIBLE = hashed('nobody@posthouse.invalid', { hash: 'sha1', encoding: 'hex' })
const OWN = hashed('listed@own.test', { hash: 'sha1', encoding: 'hex' })
for (const [says, list, entries, zone, state, why] of [
  ['of names with its entries', { holds: 'domains' }, 'names', { 'test.bad.test': OK }, 'healthy'],
  ['of names without', { holds: 'domains' }, 'names', {}, 'wrong', /test entry test is not listed/],
  [
    'of names that has all',
    { holds: 'domains' },
    'names',
    { 'test.bad.test': OK, 'invalid.bad.test': OK },
    'wrong',
    /lists invalid/,
  ],
  [
    'of names with an entry of its own',
    { holds: 'domains', test: { listed: 'Test.URI.test' } },
    'names',
    { 'test.uri.test.bad.test': OK },
    'healthy',
  ],
  ['whose test entry nobody knows', { holds: 'domains', check: 'clear' }, 'names', {}, 'healthy'],
  [
    'whose test entry nobody knows and that has all',
    { check: 'clear' },
    'ipv4',
    { [`${FOUR.gone}.bad.test`]: OK },
    'wrong',
    /lists 127/,
  ],
  [
    'of addresses with an entry of its own',
    { test: { listed: '127.0.0.9' } },
    'ipv4',
    { '9.0.0.127.bad.test': OK },
    'healthy',
  ],
  ['of hashes', { holds: 'emails' }, 'hashes', {}, 'healthy'],
  [
    'of hashes that has all',
    { holds: 'emails' },
    'hashes',
    { [`${IMPOSSIBLE}.bad.test`]: OK },
    'wrong',
    /lists nobody@/,
  ],
  [
    'of hashes with an entry of its own',
    { holds: 'emails', test: { listed: 'listed@own.test' } },
    'hashes',
    { [`${OWN}.bad.test`]: OK },
    'healthy',
  ],
  [
    'of hashes without its own',
    { holds: 'emails', test: { listed: 'listed@own.test' } },
    'hashes',
    {},
    'wrong',
    /listed@own\.test is not/,
  ],
] as const satisfies readonly (readonly [string, object, Entries, FakeZone, Health['state'], RegExp?])[]) {
  test(`a list ${says} is ${state}`, async () => {
    const [ready] = terms({ lists: [{ zone: 'bad.test', ...list }] }).lists
    const found = await testList(fakeDns(zone), ready!, entries, new AbortController().signal)
    assert.equal(found.state, state)
    if (why !== undefined) assert.match(found.why ?? '', why)
  })
}

for (const [state, age, wanted] of [
  ['healthy', 29, false],
  ['healthy', 30, true],
  ['wrong', 4, false],
  ['wrong', 5, true],
  ['silent', 5, true],
  ['healthy', -1, true],
] as const) {
  test(`a ${state} list tested ${age} minutes ago is ${wanted ? '' : 'not '}due`, () => {
    const health: Health = { state, since: 0, checked: 1e9, times: 1, told: false }
    assert.equal(isDue(health, 30 * 60_000, 5 * 60_000, 1e9 + age * 60_000), wanted)
  })
}

test('what stands in the state and is no record is as if it were not there', () => {
  for (const text of ['', 'x', '{}', '[]', 'null', '{"state":"healthy"}', '{"state":"x","since":1,"checked":1}'])
    assert.equal(readHealth(text), undefined)
})

/** A watch, its zone to change, and its clock; `state` may be shared with another. */
function rig(zone: Record<string, FakeZone[string]>, config: object = {}, shared?: State) {
  const log = rememberingLog()
  const notices: Notice[] = []
  const clock = { ms: 1e12, now: () => clock.ms }
  const ready = terms(config)
  const context = aContext({}, { log, clock, ...(shared === undefined ? {} : { state: shared }) })
  let dns = fakeDns(zone)
  const asked = () => dns.asked
  const watch = new Watch({
    terms: ready,
    dns: {
      configured: true,
      a: (name, signal) => dns.a(name, signal),
      aaaa: dns.aaaa,
      mx: dns.mx,
      ptr: dns.ptr,
      txt: dns.txt,
    },
    state: context.state,
    clock,
    log,
    metrics: context.metrics,
    bus: context.bus,
    notifier: { tell: async notice => notices.push(notice) > 0 },
    signal: context.signal,
  })
  const change = (next: FakeZone) => {
    dns = fakeDns(next)
  }
  const stateOf = () => watch.healthOf(ready.lists[0]!, 'ipv4')?.state
  const sentences = () => log.lines.map(line => `${line.level} ${line.sentence}`)
  return { watch, clock, log, notices, asked, change, stateOf, sentences, state: context.state, terms: ready, dns }
}

const HEALTHY: FakeZone = { [`${FOUR.there}.bad.test`]: OK }
const EVERYTHING: FakeZone = { [`${FOUR.there}.bad.test`]: OK, [`${FOUR.gone}.bad.test`]: OK }
const TROUBLE: FakeZone = { [`${FOUR.there}.bad.test`]: 'trouble' }

test('a list that goes wrong is switched off, said so in log and mail once, and comes back by itself', async () => {
  const { watch, clock, notices, change, stateOf, sentences } = rig(HEALTHY)
  assert.equal(stateOf(), undefined)
  await watch.round()
  assert.equal(stateOf(), 'healthy')
  change(EVERYTHING)
  clock.ms += 29 * 60_000
  await watch.round()
  assert.equal(stateOf(), 'healthy', 'not due yet')
  clock.ms += 60_000
  await watch.round()
  assert.equal(stateOf(), 'wrong')
  clock.ms += 5 * 60_000
  await watch.round()
  assert.deepEqual(
    notices.map(notice => notice.subject),
    ['The list bad.test is switched off'],
  )
  assert.match(notices[0]!.text, /127\.0\.0\.1/)
  change(HEALTHY)
  clock.ms += 5 * 60_000
  await watch.round()
  assert.equal(stateOf(), 'healthy')
  assert.deepEqual(sentences(), ['info lists are tested', 'warn list is switched off', 'warn list is back'])
})

test('what the log says of a list is so from then on', async () => {
  const { watch, clock, log, change, terms } = rig(HEALTHY)
  const said: unknown[] = []
  const warn = log.warn
  log.warn = (facts, sentence) => {
    said.push([sentence, watch.readiness(terms.lists[0]!, 'ipv4')])
    warn(facts, sentence)
  }
  await watch.round()
  for (const zone of [EVERYTHING, HEALTHY]) {
    change(zone)
    clock.ms += 30 * 60_000
    await watch.round()
  }
  assert.deepEqual(said, [
    ['list is switched off', 'off'],
    ['list is back', 'ready'],
  ])
})

test('a process says once how the lists are, whoever has tested them, and a start is a reason to test', async () => {
  const lists = [{ zone: 'bad.test' }, { zone: 'dead.test' }]
  const one = rig(HEALTHY, { lists })
  await one.watch.round()
  const summary = {
    level: 'warn',
    facts: { healthy: ['bad.test ipv4'], off: ['dead.test ipv4'] },
    sentence: 'lists are tested',
  }
  assert.deepEqual(one.log.lines.at(-1), summary)
  const other = rig(HEALTHY, { lists }, one.state)
  await other.watch.round()
  await other.watch.round()
  assert.deepEqual([other.log.lines, other.asked()], [[summary], []])
  const later = rig(HEALTHY, { lists }, one.state)
  later.clock.ms += 5 * 60_000
  await later.watch.round()
  assert.equal(later.asked().length, 4)
})

test('silence switches off at once and is told to the house when it stays', async () => {
  const { watch, clock, notices, stateOf } = rig(TROUBLE)
  for (const told of [0, 0, 1, 1]) {
    await watch.round()
    assert.equal(stateOf(), 'silent')
    assert.equal(notices.length, told)
    clock.ms += 5 * 60_000
  }
})

test('a notice that could not be sent is sent after the next test', async () => {
  const { watch, clock, state } = rig(EVERYTHING)
  const told = async () => readHealth((await state.list('health/', clock.ms))[0]!.value)?.told
  await watch.round()
  assert.equal(await told(), true)
  const early = rig(EVERYTHING)
  const failing = new Watch({
    terms: early.terms,
    dns: early.dns,
    state: early.state,
    clock: early.clock,
    log: early.log,
    metrics: { count: () => undefined, observe: () => undefined },
    bus: { publish: () => undefined, subscribe: () => () => undefined },
    notifier: { tell: () => Promise.reject(new Error('start-up is not over')) },
    signal: new AbortController().signal,
  })
  await failing.round()
  early.clock.ms += 5 * 60_000
  await early.watch.round()
  assert.equal(early.notices.length, 1)
})

test('of two workers one tests, and both know', async () => {
  const one = rig(HEALTHY)
  const other = rig(HEALTHY, {}, one.state)
  await Promise.all([one.watch.round(), other.watch.round()])
  await Promise.all([one.watch.round(), other.watch.round()])
  assert.equal(one.asked().length + other.asked().length, 2)
  assert.deepEqual([one.stateOf(), other.stateOf()], ['healthy', 'healthy'])
})

test('a list is tested for every kind of entries it is asked for, unless it is not to be tested', async () => {
  const { watch, asked } = rig(
    {},
    {
      lists: [
        { zone: 'six.test', ipv6: true },
        { zone: 'private.test', check: false },
        { zone: 'names.test', holds: 'domains', ipv6: true },
      ],
    },
  )
  await watch.round()
  assert.deepEqual(
    [...asked()].sort(),
    [
      ...[FOUR.gone, SIX.gone, FOUR.there, SIX.there].map(label => `a ${label}.six.test`),
      ...['test', 'invalid'].map(label => `a ${label}.names.test`),
    ].sort(),
  )
})

test('dnsbl status shows every list with its health, for people and as JSON', async () => {
  const lists = [{ zone: 'bad.test' }, { zone: 'dead.test' }, { zone: 'own.test', check: false, kind: 'allow' }]
  const { watch, clock, state, terms: ready, dns } = rig(HEALTHY, { lists })
  const commands = dnsblCommands(ready, dns, state, clock)
  assert.match(
    (await runCommand(commands, 'dnsbl status')).out[0]!,
    /^bad\.test {2}block {2}ipv4 {2}client {2}untested$/,
  )
  await watch.round()
  clock.ms += 90_000
  assert.deepEqual((await runCommand(commands, 'dnsbl status')).out, [
    'bad.test  block  ipv4  client  healthy  for 1m30s, tested 1m30s ago',
    'dead.test  block  ipv4  client  wrong  for 1m30s, tested 1m30s ago  its test entry 127.0.0.2 is not listed',
    'own.test  allow  ipv4  client  unchecked',
  ])
  const { out } = await runCommand(commands, 'dnsbl status', [], { json: true })
  assert.deepEqual(
    (JSON.parse(out.join('\n')) as { list: string; asked: boolean }[]).map(({ list, asked }) => [list, asked]),
    [
      ['bad.test', true],
      ['dead.test', false],
      ['own.test', true],
    ],
  )
})
