import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Blobs, BodyDraft } from '../../../core/api/index.js'
import { Spool, SpoolRoom } from '../../../core/storage/spool.js'
import { heldMemory } from '../../harness/memory.js'

const HEADER = 'Subject: =?utf-8?q?gr=C3=BCn?=\r\nX-One: 1\r\nx-one: 2\r\n\r\n'

/** Blobs that say what was done with them. */
function recordingBlobs(): Blobs & { readonly drafts: string[]; readonly reads: number[]; abandoned: number } {
  const stored = new Map<string, Buffer>()
  const blobs = {
    drafts: [] as string[],
    reads: [] as number[],
    abandoned: 0,
    draft(): BodyDraft {
      const id = `body-${blobs.drafts.push('open')}`
      const chunks: Buffer[] = []
      return {
        write: async chunk => void chunks.push(Buffer.from(chunk)),
        finish: async () => {
          stored.set(id, Buffer.concat(chunks))
          return { kind: 'stored', id, size: stored.get(id)!.length }
        },
        abandon: async () => {
          blobs.abandoned += 1
        },
      }
    },
    async read(id: string, from = 0, to = Number.POSITIVE_INFINITY) {
      blobs.reads.push(from)
      return stored.get(id)!.subarray(from, to)
    },
  }
  return blobs
}

async function fill(spool: Spool, bytes: Buffer, step: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += step) await spool.write(bytes.subarray(at, at + step))
}

test('a small message stays in memory and costs no promise', async () => {
  const blobs = recordingBlobs()
  const spool = new Spool(blobs, { maxHeaderBytes: 1000 })
  assert.equal(spool.write(Buffer.from(HEADER)), undefined)
  assert.equal(spool.write(Buffer.from('body\r\n')), undefined)
  const { body, message, fields, broken } = await spool.finish()
  assert.deepEqual(body, { kind: 'memory', bytes: Buffer.from(`${HEADER}body\r\n`) })
  assert.equal(message.size, HEADER.length + 6)
  assert.equal(message.field('SUBJECT'), 'grün')
  assert.deepEqual(message.fields('X-One'), ['1', '2'])
  assert.equal(fields.length, 3)
  assert.deepEqual(broken, [])
  assert.equal((await message.read(HEADER.length, HEADER.length + 4)).toString(), 'body')
  assert.deepEqual(blobs.drafts, [])
})

test('what came with small pieces is not kept in memory for them', async () => {
  const spool = new Spool(recordingBlobs(), { maxHeaderBytes: 1000 })
  const before = await heldMemory()
  for (let at = 0; at < 200; at++) void spool.write(Buffer.alloc(65_536, 'x').subarray(0, 1))
  const held = (await heldMemory()) - before
  assert.ok(held < 1_000_000, `${held} octets are held for 200`)
  assert.equal((await spool.finish()).message.size, 200)
})

for (const step of [1, 7, 64, 5000]) {
  test(`a large message goes to the store byte for byte when it comes in pieces of ${step}`, async () => {
    const blobs = recordingBlobs()
    const bytes = Buffer.from(`${HEADER}${'0123456789\r\n'.repeat(400)}`)
    const spool = new Spool(blobs, { memoryBytes: 100, maxHeaderBytes: 1000 })
    await fill(spool, bytes, step)
    assert.equal(spool.size, bytes.length)
    const { body, message } = await spool.finish()
    assert.equal(body.kind, 'stored')
    assert.equal(message.field('subject'), 'grün')
    assert.deepEqual(blobs.reads, [], 'fields need no read')
    assert.deepEqual(await message.read(), bytes)
    assert.deepEqual(await message.read(10, 20), bytes.subarray(10, 20))
  })
}

for (const memoryBytes of [10, 65536]) {
  test(`a header beyond its limit is cut and called broken with ${memoryBytes} bytes of memory`, async () => {
    const spool = new Spool(recordingBlobs(), { memoryBytes, maxHeaderBytes: 100 })
    await fill(spool, Buffer.from(`Subject: here\r\n${'X-Filler: yes\r\n'.repeat(50)}\r\nbody`), 33)
    const { message, broken } = await spool.finish()
    assert.equal(message.field('subject'), 'here')
    assert.ok(broken.includes('header is longer than 100 octets'))
  })
}

test('a header longer than the memory is kept whole up to its limit', async () => {
  const spool = new Spool(recordingBlobs(), { memoryBytes: 20, maxHeaderBytes: 1000 })
  await fill(spool, Buffer.from(`${HEADER}body`), 9)
  const { message, broken } = await spool.finish()
  assert.deepEqual(message.fields('x-one'), ['1', '2'])
  assert.deepEqual(broken, [])
})

test('an abandoned spool gives its draft back once and takes nothing more', async () => {
  const blobs = recordingBlobs()
  const spool = new Spool(blobs, { memoryBytes: 4, maxHeaderBytes: 100 })
  await spool.write(Buffer.from('12345678'))
  await spool.abandon()
  await spool.abandon()
  assert.equal(blobs.abandoned, 1)
  assert.throws(() => spool.write(Buffer.from('x')))
  await assert.rejects(spool.finish())
})

test('a message that comes octet by octet holds little more memory than its octets', async () => {
  const spool = new Spool(recordingBlobs(), { maxHeaderBytes: 60_000 })
  const before = await heldMemory()
  for (let at = 0; at < 60_000; at++) {
    // In memory of its own, as octets from a socket are.
    const octet = Buffer.allocUnsafeSlow(1)
    octet[0] = 65 + (at % 26)
    spool.write(octet)
  }
  const held = (await heldMemory()) - before
  assert.ok(held < 4_000_000, `${held} octets`)
  const { body } = await spool.finish()
  assert.ok(body.kind === 'memory' && body.bytes.length === 60_000 && body.bytes.toString().startsWith('ABC'))
})

test('where many messages come in at once, further ones go to the store earlier, until the others are over', async () => {
  const room = new SpoolRoom()
  const others = Array.from({ length: 64 }, () => new Spool(recordingBlobs(), { maxHeaderBytes: 1000, room }))
  for (const other of others) await other.write(Buffer.from('x'))
  const drafts = async (octets: number) => {
    const blobs = recordingBlobs()
    const bytes = Buffer.from(`${HEADER}${'0123456789abcd\r\n'.repeat(octets / 16)}`)
    const spool = new Spool(blobs, { maxHeaderBytes: 1000, room })
    await spool.write(bytes)
    const { message } = await spool.finish()
    assert.deepEqual(await message.read(), bytes)
    assert.equal(message.field('subject'), 'grün')
    return blobs.drafts.length
  }
  assert.deepEqual([await drafts(8192), await drafts(32_768)], [0, 1])
  await Promise.all(others.slice(0, 32).map(other => other.finish()))
  await Promise.all(others.slice(32).map(other => other.abandon()))
  assert.equal(await drafts(32_768), 0)
})
