import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ListEntry, type ListQuestion, type LocalList, MailError } from '../../../core/api/index.js'
import { rememberingLog, setUp } from '../../../core/testing/index.js'
import { type Config, termsOf } from '../../../plugins/zone-server/config.js'
import plugin from '../../../plugins/zone-server/index.js'
import { ZoneServer } from '../../../plugins/zone-server/server.js'
import { type AskOptions, ask, told } from './packets.js'

const ENTRIES: ReadonlyMap<string, Partial<ListEntry>> = new Map([
  ['192.0.2.7', { reason: 'Attacks' }],
  ['192.0.2.8', { code: '127.0.0.9', reason: `Long ${'x'.repeat(290)}` }],
  ['192.0.2.9', { kind: 'allow' }],
  ['127.0.0.1', { reason: 'a careless network' }],
  ['2001:0db8:0000:0000:0000:0000:0000:0001', {}],
  ['spam.example', { reason: 'Äpfel' }],
  ['link only.example', {}],
])

const LIST: LocalList = {
  async find(question: ListQuestion) {
    const asked =
      question.kind === 'address'
        ? question.address
        : question.kind === 'name'
          ? question.name
          : question.kind === 'link'
            ? question.host
            : ''
    if (question.kind === 'link' && asked === 'shop.example') return entry({})
    if (asked === 'broken.example') throw new MailError('store-unavailable', 'the disk is gone')
    const found = ENTRIES.get(asked)
    return found && entry(found)
  },
  changedAt: async () => Date.UTC(2026, 10, 21),
}

function entry(more: Partial<ListEntry>): ListEntry {
  return { kind: 'block', pattern: 'pattern', place: 'a.list:1', ...more }
}

const ZONE = {
  kind: 'block',
  serves: ['addresses', 'names'],
  code: '127.0.0.2',
  text: '{asked} in {zone}: {reason}',
  ttl: '5m',
  negative_ttl: '1m',
} as const
const CONFIG: Config = {
  listen: ['127.0.0.1:0'],
  allow: ['127.0.0.0/8', '::1'],
  rate: 0,
  zones: [
    { ...ZONE, zone: 'bl.example.test' },
    { ...ZONE, zone: 'uri.example.test', serves: ['links'] },
    { ...ZONE, zone: 'wl.example.test', kind: 'allow' },
    { ...ZONE, zone: 'inner.bl.example.test', code: '127.0.0.5', serves: ['addresses'] },
  ],
}

function server(more: Partial<Config> = {}, now = () => 0) {
  const log = rememberingLog()
  const counted = new Map<string, number>()
  const metrics = {
    count: (name: string) => void counted.set(name, (counted.get(name) ?? 0) + 1),
    observe: () => undefined,
  }
  const made = new ZoneServer({
    terms: termsOf({ ...CONFIG, ...more }, 'mail.example.test'),
    list: LIST,
    clock: { now },
    log,
    metrics,
  })
  const udp = async (name: string, options: AskOptions = {}, ip = '127.0.0.1') =>
    told(await made.answer(ask(name, options), ip, 'udp'))
  return { made, log, counted, udp }
}

const NIBBLES = (tail: string) => `${tail}.${'0.'.repeat(32 - 8 - tail.split('.').length)}8.b.d.0.1.0.0.2`

for (const [name, type, rcode, data] of [
  ['7.2.0.192.bl.example.test', 'A', 'NOERROR', ['127.0.0.2']],
  ['7.2.0.192.BL.Example.TEST', 'A', 'NOERROR', ['127.0.0.2']],
  ['7.2.0.192.bl.example.test', 'TXT', 'NOERROR', ['192.0.2.7 in bl.example.test: Attacks']],
  ['7.2.0.192.bl.example.test', 'MX', 'NOERROR', []],
  ['7.2.0.192.bl.example.test', 'AAAA', 'NOERROR', []],
  ['8.2.0.192.bl.example.test', 'A', 'NOERROR', ['127.0.0.9']],
  ['9.2.0.192.bl.example.test', 'A', 'NXDOMAIN', []],
  ['9.2.0.192.wl.example.test', 'A', 'NOERROR', ['127.0.0.2']],
  ['7.2.0.192.wl.example.test', 'A', 'NXDOMAIN', []],
  ['1.3.0.192.bl.example.test', 'A', 'NXDOMAIN', []],
  ['2.0.192.bl.example.test', 'A', 'NOERROR', []],
  // Not listed, and the end of IPv6 addresses that may be: "no such name" would end the search of resolvers that ask step by step.
  ['1.0.0.2.bl.example.test', 'A', 'NOERROR', []],
  ['07.2.0.192.bl.example.test', 'A', 'NXDOMAIN', []],
  ['256.2.0.192.bl.example.test', 'A', 'NXDOMAIN', []],
  ['1.7.2.0.192.bl.example.test', 'A', 'NXDOMAIN', []],
  [`${NIBBLES('1')}.bl.example.test`, 'A', 'NOERROR', ['127.0.0.2']],
  [`${NIBBLES('2')}.bl.example.test`, 'A', 'NXDOMAIN', []],
  ['8.b.d.0.1.0.0.2.bl.example.test', 'A', 'NOERROR', []],
  ['7.2.0.192.inner.bl.example.test', 'A', 'NOERROR', ['127.0.0.5']],
  ['spam.example.bl.example.test', 'TXT', 'NOERROR', ['spam.example in bl.example.test: Äpfel']],
  ['ham.example.bl.example.test', 'A', 'NXDOMAIN', []],
  ['example.bl.example.test', 'A', 'NOERROR', []],
  ['spam.example.inner.bl.example.test', 'A', 'NXDOMAIN', []],
  ['shop.example.uri.example.test', 'A', 'NOERROR', ['127.0.0.2']],
  ['shop.example.bl.example.test', 'A', 'NXDOMAIN', []],
  // Links to addresses are asked for as addresses are.
  ['7.2.0.192.uri.example.test', 'A', 'NOERROR', ['127.0.0.2']],
  ['192.0.2.7.uri.example.test', 'A', 'NXDOMAIN', []],
  ['2.0.0.127.uri.example.test', 'A', 'NOERROR', ['127.0.0.2']],
  ['bl.example.test', 'A', 'NOERROR', []],
  ['bl.example.test', 'NS', 'NOERROR', ['mail.example.test']],
  ['example.test', 'SOA', 'REFUSED', []],
  ['notbl.example.test', 'A', 'REFUSED', []],
  ['.', 'NS', 'REFUSED', []],
  ['7.2.0.192.bl.example.test', 'ANY', 'REFUSED', []],
  ['bl.example.test', 'AXFR', 'REFUSED', []],
  ['bl.example.test', 'IXFR', 'REFUSED', []],
  ['broken.example.bl.example.test', 'A', 'SERVFAIL', []],
] as const) {
  test(`${type} ${name.slice(0, 60)} is ${rcode}${data.length > 0 ? `: ${data.join()}` : ''}`, async () => {
    const answer = await server().udp(name, { type })
    assert.equal(answer.rcode, rcode)
    assert.deepEqual(answer.data, data)
    assert.equal(answer.packet.id, 7)
    assert.equal(answer.packet.questions?.[0]?.name, name)
  })
}

// RFC 5782 §5
for (const [name, listed] of [
  ['2.0.0.127', true],
  ['1.0.0.127', false],
  [`2.0.0.0.0.0.f.7.f.f.f.f.${'0.'.repeat(20)}`.replace(/\.$/, ''), true],
  [`1.0.0.0.0.0.f.7.f.f.f.f.${'0.'.repeat(20)}`.replace(/\.$/, ''), false],
  ['TEST', true],
  ['INVALID', false],
] as const) {
  test(`the test entry ${name.slice(0, 24)} is ${listed ? '' : 'not '}listed, whatever is on the list`, async () => {
    const { udp } = server()
    const answer = await udp(`${name}.bl.example.test`)
    assert.deepEqual([answer.rcode, answer.data], listed ? ['NOERROR', ['127.0.0.2']] : ['NXDOMAIN', []])
    if (listed) assert.equal((await udp(`${name}.bl.example.test`, { type: 'TXT' })).data.length, 1)
  })
}

for (const name of [`${NIBBLES('1')}.bl.example.test`, '7.2.0.192.bl.example.test', 'spam.example.bl.example.test']) {
  test(`a resolver that asks step by step comes to ${name.slice(0, 30)}`, async () => {
    const { udp } = server()
    const labels = name.split('.')
    for (let from = labels.length - 3; from >= 0; from--)
      assert.equal((await udp(labels.slice(from).join('.'))).rcode, 'NOERROR', labels.slice(from).join('.'))
  })
}

test('"no" comes with the SOA record that says how long it may be kept', async () => {
  const { udp } = server()
  for (const name of ['1.3.0.192.bl.example.test', '2.0.192.bl.example.test', 'bl.example.test']) {
    const [soa] = (await udp(name)).packet.authorities ?? []
    assert.ok(soa?.type === 'SOA')
    assert.equal(soa.name, 'bl.example.test')
    assert.equal(soa.ttl, 60)
    assert.equal(soa.data.minimum, 60)
    assert.equal(soa.data.serial, Date.UTC(2026, 10, 21) / 1000)
    assert.equal(soa.data.rname, 'hostmaster.bl.example.test')
  }
  assert.equal((await udp('7.2.0.192.bl.example.test')).packet.authorities?.length, 0)
})

test('answers have authority and never offer recursion', async () => {
  const { packet } = await server().udp('7.2.0.192.bl.example.test')
  assert.deepEqual([packet.flag_aa, packet.flag_ra, packet.flag_rd, packet.flag_tc], [true, false, true, false])
  assert.equal((await server().udp('other.test')).packet.flag_aa, false)
})

test('what is too long for a datagram is cut, says so, and comes whole by TCP', async () => {
  const ns = Array.from({ length: 13 }, (_, at) => `${'n'.repeat(50)}${at}.${'m'.repeat(50)}.test`)
  const { made, udp } = server({ zones: [{ ...CONFIG.zones[0]!, ns }] })
  for (const options of [{ type: 'NS' }, { type: 'NS', size: 1232 }]) {
    const { packet, data } = await udp('bl.example.test', options)
    assert.deepEqual([packet.flag_tc, data.length], [true, 0])
  }
  const byTcp = told(await made.answer(ask('bl.example.test', { type: 'NS' }), '127.0.0.1', 'tcp'))
  assert.deepEqual([byTcp.packet.flag_tc, byTcp.data.length], [false, 13])
})

test('a datagram is never longer than 512 octets without EDNS, nor than 1232 with it', async () => {
  const ns = Array.from({ length: 8 }, (_, at) => `${'n'.repeat(50)}${at}.${'m'.repeat(50)}.test`)
  const { made } = server({ zones: [{ ...CONFIG.zones[0]!, ns }] })
  for (const [size, most] of [
    [undefined, 512],
    [100, 512],
    [600, 600],
    [65_535, 1232],
  ] as const) {
    for (const type of ['NS', 'TXT', 'A', 'SOA']) {
      const options = size === undefined ? { type } : { type, size }
      const answer = await made.answer(ask('bl.example.test', options), '127.0.0.1', 'udp')
      assert.ok(answer!.length <= most, `${type} ${answer!.length} > ${most}`)
    }
  }
})

test('EDNS of another version is answered with BADVERS', async () => {
  const answer = await server().udp('7.2.0.192.bl.example.test', { size: 1232, version: 1 })
  const [opt] = answer.packet.additionals ?? []
  assert.ok(opt?.type === 'OPT')
  assert.equal(opt.extendedRcode, 1)
  assert.equal(answer.data.length, 0)
})

test('who may not ask hears REFUSED, and the log says so once in a while', async () => {
  const { udp, log } = server()
  for (let i = 0; i < 3; i++) assert.equal((await udp('7.2.0.192.bl.example.test', {}, '192.0.2.1')).rcode, 'REFUSED')
  assert.equal((await udp('7.2.0.192.bl.example.test', {}, '::1')).rcode, 'NOERROR')
  assert.equal(log.lines.filter(({ sentence }) => sentence === 'somebody asks who may not').length, 1)
})

test('beyond the rate a network gets nothing, or hears to come by TCP, and other networks are answered', async () => {
  let now = 0
  const { made, counted } = server({ rate: 10, allow: ['0.0.0.0/0'] }, () => now)
  const question = ask('7.2.0.192.bl.example.test')
  const replies: (Buffer | undefined)[] = []
  for (let i = 0; i < 30; i++) replies.push(await made.answer(question, `192.0.2.${i}`, 'udp'))
  assert.equal(replies.filter(reply => reply !== undefined && told(reply).data.length === 1).length, 10)
  assert.equal(replies.filter(reply => reply === undefined).length, 10)
  const cut = replies.filter(reply => reply !== undefined && told(reply).packet.flag_tc)
  assert.equal(cut.length, 10)
  assert.ok(cut.every(reply => reply!.length <= question.length))
  assert.equal(counted.get('zone-server.limited'), 20)
  assert.equal(told(await made.answer(question, '198.51.100.1', 'udp')).data.length, 1)
  assert.equal(told(await made.answer(question, '192.0.2.1', 'tcp')).data.length, 1)
  now += 1000
  assert.equal(told(await made.answer(question, '192.0.2.1', 'udp')).data.length, 1)
})

test('trouble with the list is SERVFAIL and said once in the log', async () => {
  const { udp, log } = server()
  await udp('broken.example.bl.example.test')
  await udp('broken.example.bl.example.test')
  assert.deepEqual(
    log.lines.map(({ sentence, facts }) => [sentence, facts.why]),
    [['the list cannot be asked', 'the disk is gone']],
  )
})

for (const [what, zones, message] of [
  [
    'a code that says nothing',
    [{ zone: 'a.test', code: '127.0.0.1' }],
    /"127\.0\.0\.1": expected an address in 127\.0\.0\.0\/8/,
  ],
  ['a code elsewhere', [{ zone: 'a.test', code: '10.0.0.1' }], /"10\.0\.0\.1": expected/],
  ['a contact that is no label', [{ zone: 'a.test', contact: `${'x'.repeat(64)}@a.test` }], /at most 63 characters/],
  ['a server of the zone within it', [{ zone: 'a.test', ns: ['ns.b.test', 'NS.A.test.'] }], /lies in the zone itself/],
  ['a month', [{ zone: 'a.test', ttl: '30d' }], /"30d": expected at most a week/],
  ['a zone twice', [{ zone: 'a.test' }, { zone: 'A.test' }], /there is a zone a\.test already/],
] as const) {
  test(`${what} is a fault`, async () => {
    await assert.rejects(setUp(plugin, { config: { zones }, services: { 'local-list': LIST } }), message)
  })
}
