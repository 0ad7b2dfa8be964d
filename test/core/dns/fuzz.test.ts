/** Whatever octets a name server sends, they are read or refused, quickly, and nothing is read beyond its end. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Answer, encode, type Packet } from 'dns-packet'
import fc from 'fast-check'
import { readAnswer, WireFault, type WireQuestion } from '../../../core/dns/packet.js'
import { readName } from '../../../core/dns/rows.js'
import { mutate, mutations } from '../../harness/mutate.js'

const numRuns = Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 150)

const KINDS: readonly WireQuestion[] = ['a', 'aaaa', 'mx', 'cname', 'txt', 'tlsa']

function answerTo(question: WireQuestion): Buffer {
  const name = 'mx.them.test'
  const soa = { mname: 'ns.test', rname: 'a.test', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 30 }
  const certificate = Buffer.alloc(32, 1)
  const answers = [
    { type: 'CNAME', name, ttl: 60, data: 'b.test' },
    { type: 'A', name: 'b.test', ttl: 60, data: '192.0.2.1' },
    { type: 'AAAA', name: 'b.test', ttl: 60, data: '2001:db8::1' },
    { type: 'MX', name: 'b.test', ttl: 60, data: { preference: 1, exchange: 'c.test' } },
    { type: 'TXT', name: 'b.test', ttl: 60, data: ['one', 'two'] },
    { type: 'TLSA', name: 'b.test', ttl: 60, data: { usage: 3, selector: 1, matchingType: 1, certificate } },
  ] as Answer[]
  const authorities = [{ type: 'SOA', name: 'test', ttl: 60, data: soa }] as Answer[]
  const questions = [{ type: question.toUpperCase() as 'A', name }]
  return encode({ type: 'response', id: 7, flags: 0x0180, questions, answers, authorities } as Packet)
}

describe('answers of name servers', () => {
  test('any octets are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.constantFrom(...KINDS), (octets, question) =>
        reads(Buffer.from(octets), question),
      ),
      { numRuns },
    )
  })

  test('answers with a few octets changed are read or refused', () => {
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), mutations, (kind, changes) =>
        reads(mutate(answerTo(kind), changes), kind),
      ),
      { numRuns },
    )
  })

  test('a record that says it is longer than the answer is refused', () => {
    const octets = answerTo('tlsa')
    for (let cut = 12; cut < octets.length; cut += 1) reads(octets.subarray(0, cut), 'tlsa')
    assert.throws(
      () => readAnswer(octets.subarray(0, 60), { id: 7, question: 'tlsa', name: 'mx.them.test' }),
      WireFault,
    )
  })

  test('pointers that lead on, or in a circle, are refused', () => {
    for (const octets of [[0xc0, 0], [0xc0, 2, 0xc0, 0], [1, 97, 0xc0, 0], [0xc0], [64, 1], [3, 97]])
      assert.throws(() => readName(Buffer.from(octets), 0), RangeError)
    // 65,535 octets of pointers, each to the one before
    const chain = Buffer.alloc(65_535)
    for (let at = 2; at + 1 < chain.length && at < 0x3fff; at += 2) chain.writeUInt16BE(0xc000 | (at - 2), at)
    assert.equal(readName(chain, 0x3ffe).name, '')
  })

  test('a label that holds a dot is no two labels', () => {
    assert.equal(readName(Buffer.from('\x07mx.them\x04test\0', 'latin1'), 0).name, '?.test')
  })
})

function reads(octets: Buffer, question: WireQuestion): void {
  try {
    const { records } = readAnswer(octets, { id: 7, question, name: 'mx.them.test' })
    assert.ok(records.length <= 200)
  } catch (error) {
    assert.ok(error instanceof WireFault, String(error))
  }
}
