/** Octets of anybody: never a throw, never more than a little longer than the question, never an answer to an answer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from 'dns-packet'
import fc from 'fast-check'
import type { LocalList } from '../../../core/api/index.js'
import { quietLog } from '../../../core/testing/index.js'
import { termsOf } from '../../../plugins/zone-server/config.js'
import { readQuestion } from '../../../plugins/zone-server/question.js'
import { ZoneServer } from '../../../plugins/zone-server/server.js'
import { QuestionCutter } from '../../../plugins/zone-server/tcp.js'
import { mutate, mutations } from '../../harness/mutate.js'
import { ask } from './packets.js'

const numRuns = Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 500)
const LIST: LocalList = {
  find: async () => ({ kind: 'block', pattern: 'x', place: 'y:1', reason: 'r'.repeat(300) }),
  changedAt: async () => 0,
}
const zone = {
  zone: 'bl.test',
  kind: 'block',
  serves: ['addresses', 'names'],
  code: '127.0.0.2',
  text: '{asked} {reason}',
  ttl: '5m',
  negative_ttl: '1m',
} as const
const terms = termsOf({ listen: [], allow: ['0.0.0.0/0'], rate: 0, zones: [zone] }, 'ns.test')
const server = new ZoneServer({
  terms,
  list: LIST,
  clock: { now: () => 0 },
  log: quietLog,
  metrics: { count: () => undefined, observe: () => undefined },
})

const questions = fc.constantFrom(
  ask('2.0.0.127.bl.test'),
  ask('2.0.0.127.bl.test', { type: 'TXT', size: 4096 }),
  ask('spam.example.bl.test', { type: 'TXT' }),
  ask(`${'a.'.repeat(100)}bl.test`, { size: 512 }),
  ask('bl.test', { type: 'SOA', size: 65_535, version: 3 }),
)
const hostile = fc.oneof(
  fc.uint8Array({ maxLength: 600 }).map(octets => Buffer.from(octets)),
  fc.tuple(questions, mutations).map(([octets, changes]) => mutate(octets, changes)),
)

test('whatever comes, there is an answer that can be read, or none', async () => {
  await fc.assert(
    fc.asyncProperty(hostile, async packet => {
      const answer = await server.answer(packet, '192.0.2.1', 'udp')
      if (answer === undefined) return
      assert.ok(answer.length <= 1232)
      assert.equal(answer.readUInt16BE(0), packet.readUInt16BE(0))
      assert.ok((answer.readUInt16BE(2) & 0x8000) !== 0, 'it is no answer')
      const read = readQuestion(packet)
      // What dns-packet makes of odd names in the question is its own affair: it reads the rest.
      if (read.kind === 'question' && read.labels.every(label => /^[a-z0-9-]+$/.test(label))) decode(answer)
      if (read.kind === 'question') assert.deepEqual(answer.subarray(12, 12 + read.octets.length), read.octets)
    }),
    { numRuns },
  )
})

test('an answer is never answered, so two servers cannot talk for ever', async () => {
  await fc.assert(
    fc.asyncProperty(questions, async packet => {
      const answer = await server.answer(packet, '192.0.2.1', 'udp')
      assert.equal(await server.answer(answer!, '192.0.2.1', 'udp'), undefined)
    }),
    { numRuns: 20 },
  )
})

test('questions by TCP are the same however the octets are cut', () => {
  const framed = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 })
  fc.assert(
    fc.property(framed, fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (packets, sizes) => {
      const octets = Buffer.concat(
        packets.map(one => Buffer.concat([Buffer.from([one.length >> 8, one.length & 255]), one])),
      )
      const cutter = new QuestionCutter()
      const found: Buffer[] = []
      for (let at = 0; at < octets.length; ) {
        const size = sizes.next().value as number
        found.push(...cutter.push(octets.subarray(at, at + size))!)
        at += size
      }
      assert.deepEqual(
        found.map(one => [...one]),
        packets.map(one => [...one]),
      )
    }),
    { numRuns },
  )
})

test('a question by TCP that claims to be longer than any is not waited for', () => {
  assert.equal(new QuestionCutter().push(Buffer.from([0xff, 0xff])), undefined)
})

for (const [what, change] of [
  ['two questions', (packet: Buffer) => packet.writeUInt16BE(2, 4)],
  ['an answer section', (packet: Buffer) => packet.writeUInt16BE(1, 6)],
  ['three additional records', (packet: Buffer) => packet.writeUInt16BE(3, 10)],
  ['a pointer in the name', (packet: Buffer) => packet.writeUInt16BE(0xc00c, 12)],
  ['a label longer than the packet', (packet: Buffer) => packet.writeUInt8(63, 12)],
] as const) {
  test(`${what} is a format error`, async () => {
    const packet = ask('2.0.0.127.bl.test')
    change(packet)
    const answer = await server.answer(packet, '192.0.2.1', 'udp')
    assert.equal(answer!.length, 12)
    assert.equal(answer!.readUInt16BE(2) & 15, 1)
  })
}

test('two OPT records are a format error', async () => {
  const once = ask('2.0.0.127.bl.test', { size: 1232 })
  const opt = once.subarray(once.length - 11)
  const twice = Buffer.concat([once, opt])
  twice.writeUInt16BE(2, 10)
  assert.equal((await server.answer(twice, '192.0.2.1', 'udp'))!.readUInt16BE(2) & 15, 1)
  assert.equal((await server.answer(once, '192.0.2.1', 'udp'))!.readUInt16BE(2) & 15, 0)
})

test('an opcode other than QUERY is not implemented', async () => {
  const packet = ask('2.0.0.127.bl.test')
  packet.writeUInt16BE(5 << 11, 2)
  const answer = await server.answer(packet, '192.0.2.1', 'udp')
  assert.equal(answer!.readUInt16BE(2), 0x8000 | (5 << 11) | 4)
})
