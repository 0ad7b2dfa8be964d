/** DANE by the word of a resolver that we did not write: unbound validates zones signed with ldns, and we go by its AD bit. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { certify, tlsaOf } from '../../../harness/authority.js'
import { SmtpSink } from '../../../harness/smtp-sink.js'
import { noUnbound, Unbound } from '../../../harness/unbound.js'
import { makeJob, makeRig, type Rig } from '../rig.js'

const GOOD = certify({ commonName: 'mx', names: ['mx.them.test'] })
const OTHER = certify({ commonName: 'other' })
const skip = noUnbound()

describe('with unbound as the resolver', { skip }, () => {
  let sink: SmtpSink
  let unbound: Unbound
  let rig: Rig

  before(async () => {
    sink = await new SmtpSink({ tls: GOOD }).start()
    const key = (certified: typeof GOOD) => `TLSA 3 1 1 ${tlsaOf(3, 1, 1, certified).data}`
    const place = `_${sink.port}._tcp`
    unbound = await Unbound.start({
      zone: 'them.test',
      records: [
        '@ MX 10 mx',
        'mx A 127.0.0.1',
        `${place}.mx ${key(GOOD)}`,
        'wrong MX 10 mx-wrong',
        'mx-wrong A 127.0.0.1',
        `${place}.mx-wrong ${key(OTHER)}`,
        'none MX 10 mx-none',
        'mx-none A 127.0.0.1',
        'bogus MX 10 mx-bogus',
        'mx-bogus A 127.0.0.1',
        `${place}.mx-bogus ${key(OTHER)}`,
        'alias MX 10 mx-alias',
        'mx-alias CNAME mx',
      ],
      // A forger makes the record fit, but cannot sign it.
      spoil: text =>
        text
          .split('\n')
          .map(line =>
            /mx-bogus.*\sTLSA\s+3/.test(line) ? line.replace(/[0-9a-f]{64}/, tlsaOf(3, 1, 1, GOOD).data) : line,
          )
          .join('\n'),
      unsigned: { zone: 'plain.test', records: ['@ MX 10 mx.them.test.'] },
    })
    rig = await makeRig(
      { port: sink.port, sts: { use: false, port: 443, timeout: '1s' } },
      [unbound.address],
      'us.test',
      {
        trustAd: true,
      },
    )
  })
  after(async () => {
    rig?.dispose()
    await Promise.all([unbound?.stop(), sink?.stop()])
  })

  for (const [what, domain, says] of [
    ['a host whose records fit gets mail', 'them.test', /^TLS 1\.3, verified by DANE$/],
    ['and so does one that is an alias of it', 'alias.them.test', /^TLS 1\.3, verified by DANE$/],
    ['one whose records do not fit gets none', 'wrong.them.test', /^4\.7\.5 .*no TLSA record matches/],
    ['one whose records are forged gets none, though they would fit', 'bogus.them.test', /^4\.4\.3 .*did not tell whether mx-bogus/],
    ['that one has no records is proven', 'none.them.test', /^TLS 1\.3, opportunistic.*mx-none\.them\.test has no TLSA records$/],
    ['by unsigned MX there is no DANE', 'plain.test', /^TLS 1\.3, opportunistic.*MX records of plain\.test are not signed/],
  ] as const)
    test(what, async () => {
      const [outcome] = await rig.deliver(makeJob([`b@${domain}`]))
      assert.ok(outcome !== undefined && outcome.kind !== 'filed')
      assert.match(outcome.kind === 'delivered' ? (outcome.security ?? '') : `${outcome.status} ${outcome.text}`, says)
    }) // biome-ignore format: a table
})
