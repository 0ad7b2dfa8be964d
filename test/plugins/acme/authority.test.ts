/** An authority that is busy, or has had enough of us: how long it is waited for, and what is told of it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { selfSigned } from '../../../core/net/certificate.js'
import { order } from '../../../plugins/acme/authority.js'
import { ComeLater } from '../../../plugins/acme/come-later.js'
import { Drawer } from '../../../plugins/acme/drawer.js'

interface Busy {
  readonly status: number
  readonly retryAfter: string
}

/** It has a directory and nonces, and answers all else so. Paths that were asked for, in order. */
async function authority(t: TestContext, { status, retryAfter }: Busy) {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-acme-'))
  t.after(() => rm(dir, { recursive: true }))
  const { certificate, key } = selfSigned({ names: ['localhost'], now: Date.now() })
  const ca = join(dir, 'ca.pem')
  await writeFile(ca, certificate)
  const asked: string[] = []
  const server = createServer({ cert: certificate, key }, (request, response) => {
    const { url = '' } = request
    asked.push(url)
    response.setHeader('Replay-Nonce', 'nonce')
    const at = `https://localhost:${(server.address() as AddressInfo).port}`
    const directory = { newNonce: `${at}/nonce`, newAccount: `${at}/account`, newOrder: `${at}/order` }
    if (url === '/dir') response.end(JSON.stringify(directory))
    else if (url === '/nonce') response.end()
    else {
      const detail = 'too many certificates for this name'
      response.writeHead(status, { 'Retry-After': retryAfter, 'Content-Type': 'application/problem+json' })
      response.end(JSON.stringify({ type: 'urn:ietf:params:acme:error:rateLimited', detail }))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  t.after(() => server.closeAllConnections())
  const settings = {
    directory: `https://localhost:${(server.address() as AddressInfo).port}/dir`,
    email: undefined,
    names: ['mail.example.test'],
    challenge: 'http-01',
    listen: ['127.0.0.1:0'],
    keyType: 'ecdsa',
    ca,
  } as const
  return { asked, order: () => order(settings, new Drawer(dir), AbortSignal.any([t.signal])) }
}

for (const [status, retryAfter, least, most] of [
  [429, '7200', 7_200_000, 7_200_000],
  [503, new Date(Date.now() + 7_200_000).toUTCString(), 7_000_000, 7_200_000],
] as const) {
  test(`after ${status} with hours to wait nobody waits: the order ends with the authority's words`, async t => {
    const { asked, order } = await authority(t, { status, retryAfter })
    const error = await order().catch((failed: unknown) => failed)
    assert.ok(error instanceof ComeLater, String(error))
    assert.match(error.message, /too many certificates for this name/)
    assert.ok(error.waitMs >= least && error.waitMs <= most, String(error.waitMs))
    assert.equal(asked.filter(url => url === '/account').length, 1)
  })
}

test('after 429 with a second to wait it is asked again', async t => {
  const { asked, order } = await authority(t, { status: 429, retryAfter: '1' })
  const error = await order().catch((failed: unknown) => failed)
  assert.ok(error instanceof Error && !(error instanceof ComeLater))
  assert.ok(asked.filter(url => url === '/account').length > 1)
})
