/** Certificates and keys are judged when the configuration is read: what is wrong has its place in server.yaml. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ConfigRead, loadConfig } from '../../../core/config/load.js'
import type { Judging } from '../../../core/config/pem.js'
import { selfSigned } from '../../../core/net/certificate.js'

const DAY = 86_400_000
const PAIRS = {
  mail: selfSigned({ names: ['mail.example.test'], now: Date.now() }),
  both: selfSigned({ names: ['MAIL.example.test', '*.example.test'], now: Date.now() }),
  old: selfSigned({ names: ['old.example.test'], now: Date.now() - 400 * DAY, years: 1 }),
  soon: selfSigned({ names: ['soon.example.test'], now: Date.now() - 355.5 * DAY, years: 1 }),
  coming: selfSigned({ names: ['coming.example.test'], now: Date.now() + 5 * DAY }),
  nameless: selfSigned({ names: ['192.0.2.1'], now: Date.now() }),
}

const SERVER = `name: mail.example.test
domains: [example.test]
listeners: [{ name: mx, address: "127.0.0.1:10025" }]
`

async function load(tls: string, judging: Judging = 'strict'): Promise<ConfigRead> {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-pem-'))
  try {
    await writeFile(join(dir, 'server.yaml'), SERVER + tls)
    await writeFile(join(dir, 'plugins.yaml'), '')
    await writeFile(join(dir, 'junk.pem'), 'junk')
    for (const [name, { certificate, key }] of Object.entries(PAIRS)) {
      await writeFile(join(dir, `${name}.pem`), certificate)
      await writeFile(join(dir, `${name}.key`), key)
    }
    return await loadConfig(dir, judging)
  } finally {
    await rm(dir, { recursive: true })
  }
}

function shown(faults: ConfigRead['faults']): readonly string[] {
  return faults.map(f => `${f.line}:${f.column}: ${f.message}`)
}

const TWO = (first: string, second: string) => `tls:
  certificates:
    - { certificate: ${first}.pem, key: ${first}.key }
    - { certificate: ${second}.pem, key: ${second}.key }
`

for (const [what, tls, wish] of [
  ['a pair is right', 'tls: { certificate: mail.pem, key: mail.key }', []],
  ['two for different names are right', TWO('mail', 'coming'), []],
  [
    'text in place of a certificate',
    'tls: { certificate: junk.pem, key: mail.key }',
    ['4:21: expected a file with a certificate in PEM form'],
  ],
  [
    'text in place of a key',
    'tls: { certificate: mail.pem, key: junk.pem }',
    ['4:36: expected a file with a private key in PEM form, without passphrase'],
  ],
  [
    'the key of another',
    'tls: { certificate: mail.pem, key: both.key }',
    ['4:36: this is not the key of that certificate'],
  ],
  ['a file that is not there', 'tls: { certificate: mail.pem, key: gone.key }', ['4:36: there is no file gone.key']],
  ['a file that cannot be read', 'tls: { certificate: ., key: mail.key }', ['4:21: . cannot be read: EISDIR']],
  ['a certificate that has run out', TWO('mail', 'old'), [/^7:22: this certificate has run out on \d{4}-\d\d-\d\d$/]],
  [
    'a name twice',
    TWO('mail', 'both'),
    ['7:22: mail.example.test has a certificate already, in line 6; say with names: which one is for what'],
  ],
  [
    'a second certificate without names',
    TWO('mail', 'nameless'),
    ['7:22: this certificate names no host; say for which it is: names: [mail.example.org]'],
  ],
  ['authorities that are none', 'tls: { client_ca: junk.pem }', [/^4:19: expected a file with certificates of auth/]],
  ['authorities that are not there', 'tls: { client_ca: gone.pem }', ['4:19: there is no file gone.pem']],
  ['ciphers nobody knows', 'tls: { ciphers: "ROT13:CAESAR" }', [/^4:17: OpenSSL knows no cipher of this list/]],
  ['an old version', 'tls: { min_version: TLSv1.1 }', [/^4:21: expected one of TLSv1.2, TLSv1.3, got "TLSv1.1"/]],
  [
    'a name that is none',
    'tls: { certificates: [{ certificate: mail.pem, key: mail.key, names: ["a b"] }] }',
    [/^4:71: expected a host name such as/],
  ],
] as const) {
  test(`tls: ${what}`, async () => {
    const told = shown((await load(tls)).faults)
    assert.equal(told.length, wish.length, told.join('\n'))
    told.forEach((line, i) => {
      const wanted = wish[i]!
      if (typeof wanted === 'string') assert.equal(line, wanted)
      else assert.match(line, wanted)
    })
  })
}

test('names that are given settle which certificate is for what', async () => {
  const { faults, config } = await load(
    `${TWO('mail', 'both').replace('both.key }', 'both.key, names: ["*.Example.test"] }')}`,
  )
  assert.deepEqual(faults, [])
  assert.deepEqual(config?.tls.pairs[1]?.names, ['*.Example.test'])
})

test('what has run out keeps no server from starting, and what soon will is told', async () => {
  const { config, faults, warnings } = await load(TWO('old', 'soon'), 'serve')
  assert.ok(config)
  assert.deepEqual(faults, [])
  const told = shown(warnings)
  assert.match(told[0] ?? '', /^6:22: this certificate has run out on/)
  assert.match(told[1] ?? '', /^7:22: this certificate runs out in 9 days/)
})

test('commands that need no keys do not look at them', async () => {
  const { config, faults } = await load('tls: { certificate: gone.pem, key: gone.key }', 'leave')
  assert.ok(config)
  assert.deepEqual(faults, [])
})

test('client certificates need an authority', async () => {
  const text = SERVER.replace('10025" }', '10025", client_certificates: require }')
  assert.notEqual(text, SERVER)
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-pem-'))
  try {
    await writeFile(join(dir, 'server.yaml'), text)
    await writeFile(join(dir, 'plugins.yaml'), '')
    assert.deepEqual(shown((await loadConfig(dir)).faults), [
      '3:74: client certificates cannot be checked: tls.client_ca names no authority',
    ])
  } finally {
    await rm(dir, { recursive: true })
  }
})
