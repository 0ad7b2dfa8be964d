/** Whose "no such record" is believed: a name server that answers with flags of our choice, on loopback. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { type TestContext, test } from 'node:test'
import { Recursion } from '../../../core/dns/lame.js'

const RECURSIVE = 0x8180
const AUTHORITY = 0x8400
const NEITHER = 0x8000
const QUERY = 0x0100

/** Answers every query with these flags, after what `before` makes of it. */
async function server(t: TestContext, flags: number, before: (query: Buffer) => readonly Buffer[] = () => []) {
  const queries: Buffer[] = []
  const socket = createSocket('udp4')
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
  t.after(() => socket.close())
  socket.on('message', (query: Buffer, { port, address }) => {
    queries.push(query)
    const answer = Buffer.from(query)
    answer.writeUInt16BE(flags, 2)
    for (const octets of [...before(query), answer]) socket.send(octets, port, address)
  })
  return { queries, place: `127.0.0.1:${socket.address().port}` }
}

function probe(servers: readonly string[], timeoutMs = 5000) {
  return { servers, question: 'mx', name: 'mail.example.org', timeoutMs } as const
}

for (const [says, flags, certain] of [
  ['offers recursion', RECURSIVE, true],
  ['has authority', AUTHORITY, true],
  ['has neither', NEITHER, false],
] as const) {
  test(`a server that ${says} is ${certain ? '' : 'not '}believed`, async t => {
    const { place } = await server(t, flags)
    assert.equal(await new Recursion().isCertain(probe([place]), 0), certain)
  })
}

test('recursion is believed for a while, authority is asked for each time', async t => {
  const recursive = await server(t, RECURSIVE)
  const recursion = new Recursion()
  for (const now of [0, 1000, 599_999, 600_000]) await recursion.isCertain(probe([recursive.place]), now)
  assert.equal(recursive.queries.length, 2)
  const responsible = await server(t, AUTHORITY)
  for (const now of [0, 1]) await recursion.isCertain(probe([responsible.place]), now)
  assert.equal(responsible.queries.length, 2)
})

test('the very question is asked, as RFC 1035 has it', async t => {
  const { place, queries } = await server(t, RECURSIVE)
  await new Recursion().isCertain(probe([place]), 0)
  assert.equal(queries[0]!.readUInt16BE(2), QUERY)
  assert.equal(queries[0]!.subarray(12).toString('latin1'), '\x04mail\x07example\x03org\0\0\x0f\0\x01')
})

test('answers to something else, short ones and echoes are not heard', async t => {
  const { place } = await server(t, RECURSIVE, query => {
    const other = Buffer.from(query)
    other.writeUInt16BE(query.readUInt16BE(0) ^ 1, 0)
    other.writeUInt16BE(NEITHER, 2)
    return [other, query, query.subarray(0, 5), Buffer.alloc(0)]
  })
  assert.equal(await new Recursion().isCertain(probe([place]), 0), true)
})

test('the next server is asked where one is silent; when all are, c-ares is believed', async t => {
  const silent = createSocket('udp4')
  await new Promise<void>(resolve => silent.bind(0, '127.0.0.1', resolve))
  t.after(() => silent.close())
  const mute = `127.0.0.1:${silent.address().port}`
  const { place } = await server(t, NEITHER)
  assert.equal(await new Recursion().isCertain(probe([mute, place], 300), 0), false)
  assert.equal(await new Recursion().isCertain(probe([mute, 'no place at all'], 20), 0), true)
})
