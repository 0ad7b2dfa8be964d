/** Mail hosts by their records, on addresses of loopback, for tests that deliver to them. */
import assert from 'node:assert/strict'
import { after, afterEach, before } from 'node:test'
import type { Outcome } from '../../../core/api/index.js'
import { type DnsServer, startDnsServer } from '../../harness/dns-server.js'
import { type SinkOptions, SmtpSink } from '../../harness/smtp-sink.js'
import { makeRig, type Rig } from './rig.js'

/** What a suite needs; ends with it. */
export function mailWorld() {
  let dns: DnsServer
  const open: (() => Promise<void> | void)[] = []
  let port = 0

  before(async () => {
    dns = await startDnsServer({
      'two.test': {
        mx: [
          [20, 'second.test'],
          [10, 'first.test'],
        ],
      },
      'three.test': {
        mx: [
          [10, 'first.test'],
          [20, 'second.test'],
          [30, 'third.test'],
        ],
      },
      'troubled.test': {
        mx: [
          [10, 'trouble.test'],
          [20, 'first.test'],
        ],
      },
      'third.test': { a: ['127.0.0.4'] },
      'first.test': { a: ['127.0.0.2'] },
      'second.test': { a: ['127.0.0.3'] },
      'direct.test': { a: ['127.0.0.2'] },
      'xn--bcher-kva.test': { a: ['127.0.0.2'] },
      'site1.test': { mx: [[10, 'first.test']] },
      'site2.test': { mx: [[20, 'first.test']] },
      'null.test': { mx: [[0, '']], a: ['127.0.0.2'] },
      'broken.test': { fails: 'servfail' },
      'halfbroken.test': { mx: [[10, 'trouble.test']] },
      'trouble.test': { fails: 'servfail' },
      'dangling.test': { mx: [[10, 'nohost.test']] },
      'self.test': {
        mx: [
          [10, 'us.test'],
          [20, 'second.test'],
        ],
      },
      'backup.test': {
        mx: [
          [5, 'first.test'],
          [10, 'us.test'],
          [20, 'second.test'],
        ],
      },
      'families.test': { mx: [[10, 'both.test']] },
      'both.test': { aaaa: ['::1'], a: ['127.0.0.2'] },
    })
    const probe = await new SmtpSink({ address: '127.0.0.2' }).start()
    port = probe.port
    await probe.stop()
  })
  after(() => dns.close())
  afterEach(async () => {
    for (const close of open.splice(0)) await close()
  })

  async function sink(options: SinkOptions = {}): Promise<SmtpSink> {
    const made = await new SmtpSink({ address: '127.0.0.2', port, ...options }).start()
    open.push(() => made.stop())
    return made
  }

  async function rig(config: Parameters<typeof makeRig>[0] = {}): Promise<Rig> {
    const made = await makeRig({ port, ...config }, [dns.address])
    open.push(made.dispose)
    return made
  }

  return {
    sink,
    rig,
    /** Of every host. */
    get port() {
      return port
    },
  }
}

export function only(outcomes: readonly Outcome[]): Outcome {
  assert.equal(outcomes.length, 1)
  return outcomes[0]!
}

export function assertOutcome(outcome: Outcome, kind: Outcome['kind'], status: string): void {
  assert.equal(outcome.kind, kind, JSON.stringify(outcome))
  assert.equal('status' in outcome ? outcome.status : '', status, JSON.stringify(outcome))
}
