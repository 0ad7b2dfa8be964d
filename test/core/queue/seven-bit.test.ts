/** The variant of a job for peers that take 7 bits: what is signed is what goes out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Claimed, Job } from '../../../core/api/index.js'
import { jobOf } from '../../../core/queue/job.js'

const PREFIX = 'Received: from there\r\n'

function claimedOf(bodyType: Job['body'], bodySize: number): Claimed {
  const to = { local: 'b', domain: 'them.test' }
  const row = {
    row: 0,
    to,
    original: to,
    dsn: { notify: [] },
    target: 'mx',
    lane: 'them.test',
    detail: {},
    prefix: PREFIX,
    due: 0,
    expires: 1,
    priority: 0,
    tries: 0,
    leased: true,
  } as const
  const message = {
    id: 'm.1',
    bodyId: 'm',
    bodySize,
    cuts: [[0, 6]],
    sender: null,
    utf8: false,
    bodyType,
    received: 0,
    origin: {},
  } as const
  return { token: 't', leaseUntil: 1, rows: [row], message }
}

function jobWith(text: string, bodyType: Job['body'] = '8BITMIME') {
  const body = Buffer.from(`X: y\r\n${text}`)
  const asked: Job[] = []
  const sign = async (variant: Job) => {
    asked.push(variant)
    return `Signature: ${variant.size}\r\n`
  }
  const job = jobOf(
    claimedOf(bodyType, body.length),
    { read: async (_, from, to) => body.subarray(from, to) },
    'Signature: first\r\n',
    sign,
  )
  return { job, asked }
}

test('a message with octets above 127 is converted without the first signature, then signed', async () => {
  const { job, asked } = jobWith('MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\ncafé au lait\r\n')
  const variant = await job.sevenBit()
  assert.ok(variant.kind === 'job')
  const unsigned = `${PREFIX}MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9 au lait\r\n`
  assert.equal(asked.length, 1)
  assert.equal((await asked[0]!.read()).toString(), unsigned)
  const whole = `Signature: ${unsigned.length}\r\n${unsigned}`
  assert.equal((await variant.job.read()).toString(), whole)
  assert.equal(variant.job.size, whole.length)
  assert.equal(variant.job.prefix, `Signature: ${unsigned.length}\r\n${PREFIX}`)
  assert.equal(variant.job.body, '7BIT')
  const chunks: Buffer[] = []
  for await (const chunk of variant.job.chunks()) chunks.push(chunk)
  assert.equal(Buffer.concat(chunks).toString(), whole)
})

test('it is converted and signed once, however often it is asked for', async () => {
  const { job, asked } = jobWith('Subject: x\r\n\r\ncafé\r\n')
  const [one, two] = await Promise.all([job.sevenBit(), job.sevenBit()])
  assert.equal(one, two)
  assert.ok(one.kind === 'job')
  assert.deepEqual(await one.job.sevenBit(), one)
  assert.equal(asked.length, 1)
})

test('a message of 7-bit octets keeps its octets and its signature', async () => {
  const { job, asked } = jobWith('Subject: x\r\n\r\nplain\r\n')
  const variant = await job.sevenBit()
  assert.ok(variant.kind === 'job')
  assert.deepEqual(await variant.job.read(), await job.read())
  assert.deepEqual([asked.length, variant.job.body], [0, '7BIT'])
})

test('what cannot be converted is said, not thrown', async () => {
  const { job } = jobWith('Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\ncafé\r\n--b--\r\n')
  const variant = await job.sevenBit()
  assert.ok(variant.kind === 'impossible')
  assert.equal(variant.status, '5.6.2')
  assert.match(variant.text, /signed or encrypted/)
})
