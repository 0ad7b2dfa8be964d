/** The table for people, and the messages that are sent. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Row } from '../../bench/lib/figures.js'
import { Messages } from '../../bench/lib/message.js'
import { figure, rate, sizeName, tableOf } from '../../bench/lib/table.js'

for (const [value, text] of [
  [undefined, '-'],
  [0, '0'],
  [0.01234, '0.012'],
  [0.25, '0.25'],
  [3.456, '3.46'],
  [42.42, '42.4'],
  [1234.5, '1235'],
] as const) {
  test(`${value} is shown as ${text}`, () => assert.equal(figure(value), text))
}

for (const [value, text] of [
  [3.21, '3.2'],
  [999, '999'],
  [12345, "12'345"],
  [1234567, "1'234'567"],
] as const) {
  test(`a rate of ${value} is shown as ${text}`, () => assert.equal(rate(value), text))
}

for (const [bytes, text] of [
  [700, '700 B'],
  [4096, '4 KB'],
  [51200, '50 KB'],
  [1048576, '1 MB'],
] as const) {
  test(`${bytes} octets are shown as ${text}`, () => assert.equal(sizeName(bytes), text))
}

const ROW: Row = {
  scenario: 'smtp-in',
  variant: 'mailbox',
  sessions: 20,
  size: 4096,
  ours: {
    messages: 10,
    elapsedMs: 1000,
    messagesPerSecond: 10,
    bytesPerSecond: 40960,
    latencyMs: { p50: 1, p95: 2, p99: 3, max: 4 },
    errors: [],
  },
  durable: { kind: 'not checked', why: 'no C compiler' },
}

test('columns stand under their heads, and what is unknown is a dash', () => {
  const [head, , line] = tableOf([ROW]).split('\n')
  assert.equal(head!.indexOf('durable'), line!.indexOf('?'))
  assert.match(line!, /^smtp-in mailbox {2} +20 {2}4 KB/)
  assert.ok(line!.includes(' - '))
})

test('a case with errors shows no rate', () => {
  assert.match(tableOf([{ ...ROW, ours: { ...ROW.ours, errors: ['451 no'] } }]), /failed/)
})

for (const size of [512, 4096, 4097, 51200, 100_003]) {
  test(`a message of ${size} octets has exactly so many before its closing dot`, () => {
    const messages = new Messages(size, 'run')
    for (const number of [1, 17, 99_999]) {
      const whole = messages.head(number) + messages.tail(number).toString('latin1')
      assert.equal(whole.length - '.\r\n'.length, size)
      assert.ok(whole.endsWith('\r\n.\r\n'))
      assert.doesNotMatch(whole.slice(0, -3), /(^|[^\r])\n|\r(?!\n)|\r\n\./)
    }
  })
}
