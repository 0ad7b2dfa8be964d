/** sslscan looks at every door and finds nothing weak: neither versions, ciphers and groups nor renegotiation and compression. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { DOORS, ECDSA_NAME, RSA_NAME, startScanned } from '../harness/scanned.js'
import { program } from '../harness/shared.js'

const skip = ['sslscan', 'openssl'].some(name => program(name) === undefined) && 'sslscan or openssl is not installed'

/** RFC 9325 §4.2: what may be offered, and nothing else. */
const GOOD =
  /^(?:TLS_AES_\d+_GCM_SHA\d+|TLS_CHACHA20_POLY1305_SHA256|ECDHE-(?:RSA|ECDSA)-(?:AES\d+-GCM-SHA\d+|CHACHA20-POLY1305))$/

let server: Instance | undefined
before(async () => {
  if (!skip) server = await startScanned()
})
after(() => server?.destroy())

interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
}

/** sslscan writes its XML flat: an element per finding, all that matters in attributes. */
function elements(xml: string): readonly Element[] {
  return [...xml.matchAll(/<([a-z-]+)((?: [a-zA-Z]+="[^"]*")+)/g)].map(([, name, text]) => ({
    name: name!,
    attributes: Object.fromEntries(
      [...text!.matchAll(/ ([a-zA-Z]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
    ),
  }))
}

for (const door of DOORS) {
  for (const name of [RSA_NAME, ECDSA_NAME]) {
    test(`${door.port}${door.starttls ? ' by STARTTLS' : ''}, asked for ${name}`, { skip }, async () => {
      const how = door.starttls === undefined ? [] : [`--starttls-${door.starttls}`]
      const args = [...how, `--sni-name=${name}`, '--xml=-', `127.0.0.1:${server!.ports[door.port]}`]
      const { stdout } = await runProgram('sslscan', args)
      const found = elements(stdout)
      const of = (kind: string) => found.filter(one => one.name === kind).map(one => one.attributes)
      const protocols = of('protocol').filter(one => one.enabled === '1')
      assert.deepEqual(
        protocols.map(({ version }) => version),
        ['1.2', '1.3'],
        stdout,
      )
      const ciphers = of('cipher')
      assert.ok(ciphers.length >= 6, stdout)
      for (const { cipher, bits } of ciphers) {
        assert.match(cipher!, GOOD)
        assert.ok(Number(bits) >= 128, cipher)
      }
      const kind = name === RSA_NAME ? 'RSA' : 'ECDSA'
      assert.ok(ciphers.some(({ cipher }) => cipher?.startsWith(`ECDHE-${kind}-`)))
      const groups = of('group')
      assert.ok(groups.length > 0)
      for (const { bits } of groups) assert.ok(Number(bits) >= 128)
      assert.deepEqual(
        of('renegotiation').map(({ supported }) => supported),
        ['0'],
      )
      assert.deepEqual(
        of('compression').filter(({ supported }) => supported === '1'),
        [],
      )
      const bleeding = of('heartbleed').filter(({ vulnerable }) => vulnerable !== '0')
      assert.deepEqual(bleeding, [])
    })
  }
}
