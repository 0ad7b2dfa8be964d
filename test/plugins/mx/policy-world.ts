/** A mail host, its MTA-STS policy and the names of both, and a rig that delivers there. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'node:test'
import type { Job, Outcome } from '../../../core/api/index.js'
import { selfSigned } from '../../../core/net/certificate.js'
import { aContext } from '../../../core/testing/context.js'
import { type DnsServer, startDnsServer } from '../../harness/dns-server.js'
import { PolicyHost } from '../../harness/policy-host.js'
import { type SinkOptions, SmtpSink } from '../../harness/smtp-sink.js'
import { makeJob, makeRig, type Rig } from './rig.js'

export const GOOD = certified('mx.them.test')
export const STRANGE = certified('other.test')
export const SECOND = certified('mx2.them.test')
export const SMART = certified('smart.test')
export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

export function certified(name: string) {
  const { certificate: cert, key } = selfSigned({ names: [name], now: Date.now() })
  return { cert, key }
}

export const open: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

export interface World {
  readonly dns: DnsServer
  readonly sink: SmtpSink
  readonly policies: PolicyHost
  /** Advances the clock of all rigs. */
  pass(ms: number): void
  rig(config?: Parameters<typeof makeRig>[0]): Promise<Rig>
}

export function policyOf(mode: string, mx = 'mx.them.test', maxAge = 30 * 24 * 3600): string {
  return `version: STSv1\r\nmode: ${mode}\r\nmx: ${mx}\r\nmax_age: ${maxAge}\r\n`
}

export const published = (id: string) => ({ txt: [`v=STSv1; id=${id};`] })
export const HERE = { a: ['127.0.0.1'] }

/** Rigs of one world share a state, as workers and restarts do. */
export async function makeWorld(policy: string | undefined, options: SinkOptions = { tls: GOOD }): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-mx-'))
  open.push(() => rm(dir, { recursive: true, force: true }))
  const sink = await new SmtpSink(options).start()
  open.push(() => sink.stop())
  const policies = await PolicyHost.start({ name: 'mta-sts.them.test', policy: policy ?? '' })
  open.push(() => policies.stop())
  const dns = await startDnsServer({
    'them.test': { mx: [[10, 'mx.them.test']] },
    'mx.them.test': HERE,
    'mta-sts.them.test': HERE,
    ...(policy === undefined ? {} : { '_mta-sts.them.test': published('one') }),
  })
  open.push(() => dns.close())
  const [ca, stsCa] = [join(dir, 'ca.pem'), join(dir, 'sts.pem')]
  await writeFile(ca, GOOD.cert + SECOND.cert + SMART.cert)
  await writeFile(stsCa, policies.certificate)
  const { state } = aContext({})
  let passed = 0
  const clock = { now: () => Date.now() + passed }
  return {
    ...{ dns, sink, policies },
    pass: ms => {
      passed += ms
    },
    async rig(config = {}) {
      const sts = { use: true, port: policies.port, ca: stsCa, timeout: '60s' }
      const made = await makeRig({ port: sink.port, ca, sts, ...config }, [dns.address], 'us.test', { state, clock })
      open.push(made.dispose)
      return made
    },
  }
}

export const JOB = makeJob(['b@them.test'])

export async function sent(rig: Rig, job: Job = JOB): Promise<Outcome> {
  const [outcome, ...more] = await rig.deliver(job)
  assert.ok(outcome !== undefined && more.length === 0)
  return outcome
}

export function assertDelivered(outcome: Outcome, security: RegExp): void {
  assert.ok(outcome.kind === 'delivered', JSON.stringify(outcome))
  assert.match(outcome.security ?? '', security)
}

export function assertDeferred(outcome: Outcome, status: string, text: RegExp): void {
  assert.ok(outcome.kind === 'deferred', JSON.stringify(outcome))
  assert.equal(outcome.status, status)
  assert.match(outcome.text, text)
}

export const REFUSING: SinkOptions = {
  tls: GOOD,
  script: stage => (stage === 'starttls' ? '454 4.7.0 no keys' : undefined),
}
export const BREAKING: SinkOptions = {
  keywords: ['STARTTLS', 'PIPELINING'],
  script: stage => (stage === 'starttls' ? { kind: 'drop', reply: '220 2.0.0 go ahead' } : undefined),
}
