/** A domain, a name server that plays a validating resolver, and a mail host: what tests of DANE begin with. */
import assert from 'node:assert/strict'
import { afterEach } from 'node:test'
import type { Job, Outcome } from '../../../../core/api/index.js'
import { aContext } from '../../../../core/testing/context.js'
import { type Certified, certify, tlsaOf } from '../../../harness/authority.js'
import { SignedDns, type SignedEntry, type TlsaText } from '../../../harness/signed-dns.js'
import { type SinkOptions, SmtpSink } from '../../../harness/smtp-sink.js'
import { makeJob, makeRig, type Rig } from '../rig.js'

export const ROOT = certify({ commonName: 'Root', authority: true })
export const GOOD = certify({ commonName: 'mx', names: ['mx.them.test'], by: ROOT })
export const OTHER = certify({ commonName: 'other', names: ['other.test'], by: ROOT })
export const HERE = { a: ['127.0.0.1'] }

export const open: (() => Promise<void> | void)[] = []

export function withChain({ cert, key }: Certified): NonNullable<SinkOptions['tls']> {
  return { cert: cert + ROOT.cert, key }
}

export function tlsa(...[usage, selector, matching, certified]: Parameters<typeof tlsaOf>): TlsaText {
  return `${usage} ${selector} ${matching} ${tlsaOf(usage, selector, matching, certified).data}` as TlsaText
}

export const KEY = tlsa(3, 1, 1, GOOD)
export const TLS = withChain(GOOD)

export interface World {
  readonly dns: SignedDns
  readonly sink: SmtpSink
  /** Of the host's own port. */
  publish(host: string, ...records: readonly TlsaText[]): void
  pass(ms: number): void
  rig(config?: Parameters<typeof makeRig>[0], dnsMs?: number): Promise<Rig>
}

export async function makeWorld(
  zones: Readonly<Record<string, SignedEntry>> = {},
  options: SinkOptions = { tls: TLS },
): Promise<World> {
  const sink = await new SmtpSink(options).start()
  open.push(() => sink.stop())
  const dns = await SignedDns.start({
    zones: { 'them.test': { mx: [[10, 'mx.them.test']] }, 'mx.them.test': HERE, ...zones },
  })
  open.push(() => dns.stop())
  const { state } = aContext({})
  let passed = 0
  const clock = { now: () => Date.now() + passed }
  return {
    ...{ dns, sink },
    publish: (host, ...records) => dns.set(`_${sink.port}._tcp.${host}`, { tlsa: records }),
    pass: ms => {
      passed += ms
    },
    async rig(config = {}, dnsMs) {
      const made = await makeRig({ port: sink.port, ...config }, [dns.address], 'us.test', {
        state,
        clock,
        trustAd: true,
        ...(dnsMs !== undefined && { dnsMs }),
      })
      open.push(made.dispose)
      return made
    },
  }
}

export async function sent(rig: Rig, job: Job = makeJob(['b@them.test'])): Promise<Outcome> {
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

/** For each test file once: closes what a test has opened. */
export function closeAfterEach(): void {
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close()
  })
}
