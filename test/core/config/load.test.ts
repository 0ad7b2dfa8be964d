/** What is wrong in server.yaml and plugins.yaml comes out with place, wish and suggestion, all of it at once. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ConfigRead, loadConfig } from '../../../core/config/load.js'
import type { Config } from '../../../core/config/types.js'

const SERVER = `name: mail.example.test
domains: [example.test]
listeners:
  - name: mx
    address: 127.0.0.1:10025
`
const PLUGINS = `- use: access
`

async function load(server: string, plugins = PLUGINS): Promise<ConfigRead & { shown: readonly string[] }> {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-config-'))
  try {
    await writeFile(join(dir, 'server.yaml'), server)
    await writeFile(join(dir, 'plugins.yaml'), plugins)
    const read = await loadConfig(dir)
    const shown = read.faults.map(
      f => `${f.file.slice(f.file.lastIndexOf('/') + 1)}:${f.line}:${f.column}: ${f.message}`,
    )
    return { ...read, shown }
  } finally {
    await rm(dir, { recursive: true })
  }
}

const FAULTS: readonly (readonly [what: string, server: string, fault: RegExp])[] = [
  [
    'a misspelt key names the key that was meant, and does not call that one missing',
    SERVER.replace('domains:', 'domians:'),
    /^server\.yaml:2:1: unknown key "domians", did you mean "domains"\?$/,
  ],
  ['a misspelt key deep inside', `${SERVER}queue:\n  retrys: [5m]\n`, /^server\.yaml:7:3: .*did you mean "retry"/],
  ['a key nothing is near to', `${SERVER}colour: red\n`, /^server\.yaml:6:1: unknown key "colour"; known here: name, /],
  ['a missing key', SERVER.replace(/^name.*\n/, ''), /^server\.yaml:1:1: "name" is missing: the host name/],
  [
    'a missing key of a list item',
    SERVER.replace('    address: 127.0.0.1:10025\n', ''),
    /^server\.yaml:4:5: "address" is missing/,
  ],
  [
    'text where a number belongs',
    `${SERVER}limits: { hops: many }\n`,
    /^server\.yaml:6:17: expected a whole number .*"many"/,
  ],
  [
    'a number where text belongs',
    SERVER.replace('mail.example.test', '42'),
    /^server\.yaml:1:7: expected a domain .*number 42/,
  ],
  [
    'a bad duration',
    `${SERVER}drain_timeout: 5 parsecs\n`,
    /^server\.yaml:6:16: expected a duration such as .*"5 parsecs"/,
  ],
  [
    'a duration without unit',
    `${SERVER}drain_timeout: 90\n`,
    /^server\.yaml:6:16: expected a duration such as .*number 90/,
  ],
  ['a bad size', `${SERVER}limits:\n  message_size: huge\n`, /^server\.yaml:7:17: expected a size such as/],
  [
    'a bad endpoint',
    SERVER.replace('127.0.0.1:10025', 'localhost'),
    /^server\.yaml:5:14: expected an address with port/,
  ],
  ['a bad network', `${SERVER}trusted: [192.0.2.0/24, 10.0.0.0/99]\n`, /^server\.yaml:6:25: expected a network/],
  [
    'a bad choice',
    `${SERVER}    tls: starttsl\n`,
    /^server\.yaml:6:10: expected one of none, starttls, implicit.*did you mean "starttls"/,
  ],
  [
    'a number out of bounds',
    `${SERVER}limits: { recipients: 0 }\n`,
    /^server\.yaml:6:23: expected at least 1, got the number 0/,
  ],
  [
    'neither auto nor a number',
    `${SERVER}workers: lots\n`,
    /^server\.yaml:6:10: expected auto or a whole number .*"lots"/,
  ],
  ['too many workers', `${SERVER}workers: 1000\n`, /^server\.yaml:6:10: expected at most 64, got/],
  ['neither system nor a list', `${SERVER}dns: { servers: google }\n`, /^server\.yaml:6:17: expected system or a list/],
  [
    'a name server by name',
    `${SERVER}dns: { servers: [ns.example.net] }\n`,
    /^server\.yaml:6:18: expected the IP address of a name server/,
  ],
  [
    'two listeners of one name',
    `${SERVER}  - { name: mx, address: '127.0.0.1:1' }\n`,
    /^server\.yaml:6:13: another listener has this name, in line 4: mx/,
  ],
  [
    'two listeners at one address',
    `${SERVER}  - { name: other, address: '127.0.0.1:10025' }\n`,
    /^server\.yaml:6:29: another listener has this address, in line 5/,
  ],
  [
    'a login nobody can do',
    `${SERVER}    tls: none\n    auth: required\n`,
    /^server\.yaml:7:11: nobody can log in here/,
  ],
  [
    'a certificate without its key',
    `${SERVER}tls: { certificate: server.yaml }\n`,
    /^server\.yaml:6:21: certificate needs key/,
  ],
  [
    'a certificate that is not there',
    `${SERVER}tls: { certificate: none.pem, key: server.yaml }\n`,
    /^server\.yaml:6:21: there is no file none\.pem$/,
  ],
  [
    'a certificate that is none',
    `${SERVER}tls: { certificate: server.yaml, key: server.yaml }\n`,
    /^server\.yaml:6:21: expected a file with a certificate in PEM form$/,
  ],
  [
    'a warning after the end',
    `${SERVER}queue: { expire: 1h }\n`,
    /^server\.yaml.*: a warning after 4h comes too late: expire is 1h/,
  ],
  [
    'a warning after the end that a class has',
    `${SERVER}queue: { expire_for: { bulk: 2h }, warn_after_for: { bulk: [1h, 3h] } }\n`,
    /^server\.yaml:6:65: a warning after 3h comes too late: expire is 2h$/,
  ],
  [
    'a warning after the end that a destination has',
    `${SERVER}queue: { lanes: [{ match: [a.test], warn_after: [6d] }] }\n`,
    /^server\.yaml:6:50: a warning after 6d comes too late: expire is 5d$/,
  ],
  [
    'a wait of nothing',
    `${SERVER}queue: { lanes: [{ match: [a.test], retry: [0] }] }\n`,
    /^server\.yaml:6:45: expected a duration/,
  ],
  ['a wait that is too short', `${SERVER}queue: { retry: [1ms] }\n`, /^server\.yaml:6:18: a wait of 1ms is too short/],
  [
    'a rule that is never reached',
    `${SERVER}queue: { lanes: [{ match: ["*.test"] }, { match: [b.org, a.test] }] }\n`,
    /^server\.yaml:6:58: "a\.test" never comes to this rule: the one in line 6 takes it/,
  ],
  [
    'a rate that is none',
    `${SERVER}queue: { lanes: [{ match: [a.test], rates: { messages: 10 per minute } }] }\n`,
    /^server\.yaml:6:56: /,
  ],
  [
    'a rate of nothing',
    `${SERVER}queue: { sources: [{ match: ["*"], rates: { bytes: 0/1m } }] }\n`,
    /^server\.yaml:6:52: expected at least 1; to stop a destination: posthouse delivery suspend$/,
  ],
  [
    'a destination with a star inside',
    `${SERVER}queue: { lanes: [{ match: ["a.*"] }] }\n`,
    /^server\.yaml:6:28: expected a destination such as/,
  ],
  [
    'a class of senders that there is not',
    `${SERVER}queue: { expire_for: { bouncs: 1d } }\n`,
    /^server\.yaml:6:24: unknown key "bouncs", did you mean "bounces"\?/,
  ],
  ['a key twice', `${SERVER}name: other.example\n`, /^server\.yaml:6:1: Map keys must be unique/],
  ['broken YAML', `${SERVER}dns: [1, 2\n`, /^server\.yaml:\d+:\d+: /],
  [
    'an alias inside of its own anchor',
    `${SERVER}dns: &here { servers: *here }\n`,
    /^server\.yaml:6:23: \*here stands inside/,
  ],
  ['an alias to nowhere', `${SERVER}dns: *no\n`, /^server\.yaml:6:6: /],
]

for (const [what, server, fault] of FAULTS) {
  test(`${what} is a fault with its place`, async () => {
    const { config, shown } = await load(server)
    assert.equal(config, undefined)
    assert.equal(shown.length, 1, shown.join('\n'))
    assert.match(shown[0]!, fault)
  })
}

test('all faults of both files come at once, in order of their places', async () => {
  const { shown } = await load(
    'domain: [example.test]\nname: mail.example.test\nlisteners: [{ name: mx, adress: x }]\n',
    '- use: access\n  on_error: ignor\n- with: {}\n',
  )
  assert.deepEqual(
    shown.map(s => s.split(': ')[0]),
    ['plugins.yaml:2:13', 'plugins.yaml:3:3', 'server.yaml:1:1', 'server.yaml:3:25'],
  )
})

test('entries of plugins.yaml can be looked at although server.yaml is wrong', async () => {
  const { plugins, config } = await load('name: 1\n')
  assert.equal(config, undefined)
  assert.deepEqual(
    plugins?.map(p => p.use),
    ['access'],
  )
})

test('where there is no configuration at all, one fault says so, and how to come by one', async () => {
  const { faults } = await loadConfig(join(tmpdir(), 'posthouse-there-is-no-such-directory'))
  assert.deepEqual(
    faults.map(f => f.message),
    ['there is no such file; --config names the directory it is in, and `posthouse init` writes a new one'],
  )
})

test('a missing file is a fault', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-load-'))
  await writeFile(join(dir, 'server.yaml'), SERVER)
  const { faults } = await loadConfig(dir)
  await rm(dir, { recursive: true })
  assert.deepEqual(
    faults.map(f => f.message),
    ['there is no such file'],
  )
})

test('a file where the data directory or one above it should be is a fault at its key', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-load-'))
  await writeFile(join(dir, 'plugins.yaml'), '- use: access\n')
  await writeFile(join(dir, 'file'), '')
  for (const named of ['file', 'file/deeper/data']) {
    await writeFile(join(dir, 'server.yaml'), `data: ${named}\n${SERVER}`)
    const { faults } = await loadConfig(dir)
    assert.deepEqual(
      faults.map(f => [f.line, f.message]),
      [[1, `${join(dir, 'file')} is no directory; data names the directory for all data`]],
    )
  }
  await rm(dir, { recursive: true })
})

test('durations are milliseconds, sizes octets, paths absolute, and defaults are filled in', async () => {
  const { config } = await load(
    `${SERVER}    cleartext_auth: true\nlimits:\n  message_size: 2MB\n  # recipients: 5\nqueue: { retry: [90s, 2m] }\nsmtp:\n`,
    '- use: access\n  timeout: 2s\n  on: [tls]\n',
  )
  assert.ok(config)
  assert.equal(config.limits.messageBytes, 2 * 1024 * 1024)
  assert.equal(config.limits.recipients, 1000)
  assert.deepEqual(config.queue.retryMs, [90_000, 120_000])
  assert.deepEqual(new Set(Object.values(config.smtp.policies)), new Set(['refuse']))
  assert.equal(config.dataDir, join(config.dir, 'data'))
  assert.deepEqual(config.listeners, [
    {
      name: 'mx',
      protocol: 'smtp',
      address: '127.0.0.1:10025',
      tls: 'starttls',
      auth: 'none',
      cleartextAuth: true,
      clientCertificates: 'none',
    },
  ])
  const [entry] = config.plugins
  assert.deepEqual([entry!.timeoutMs, entry!.onError, entry!.on, entry!.place.line], [2000, 'defer', ['tls'], 1])
})

test('what stands under `with` is checked by the schema of the plugin, with places', async () => {
  const { config } = await load(SERVER, '- use: access\n  with:\n    deny: [x]\n    wiat: 5m\n')
  const entry = config!.plugins[0]!
  const schema = {
    type: 'object',
    additionalProperties: false,
    properties: {
      deny: { type: 'array', items: { type: 'string', format: 'network' } },
      wait: { type: 'string', format: 'duration', default: '1m' },
    },
  } as const
  const wrong = entry.check(schema)
  assert.deepEqual(
    wrong.faults.map(f => [f.line, f.column]),
    [
      [4, 5],
      [3, 12],
    ],
  )
  const right = (await load(SERVER)).config!.plugins[0]!.check(schema)
  assert.deepEqual(right.value, { wait: '1m' })
  assert.deepEqual(
    [entry.fault(['with', 'deny', 0], 'no').line, entry.fault(['with', 'deny', 0], 'no').column],
    [3, 12],
  )
})

test('what differs by destination and sender is read, and what is left out stays left out', async () => {
  const { config } = await load(
    `${SERVER}queue: { jitter: 20, expire_for: { bounces: 1d }, greylisted: { words: [Grey] }, lanes: [{ match: ["*.B.test", "*.BÜCHER.test"], target: mx, retry: [1m], concurrency: 2, least: 2, rates: { bytes: 1MB/1m, messages: unlimited } }] }\n`,
  )
  const { jitter, expireForMs, greylisted, lanes } = config!.queue
  assert.deepEqual(
    { jitter, expireForMs, words: greylisted.words },
    { jitter: 0.2, expireForMs: { bounces: 86_400_000 }, words: ['grey'] },
  )
  assert.deepEqual(lanes, [
    {
      match: ['*.b.test', '*.xn--bcher-kva.test'],
      target: 'mx',
      retryMs: [60_000],
      perLane: 2,
      leastPerLane: 2,
      rates: { bytes: { limit: 1_048_576, windowMs: 60_000 } },
      expireForMs: {},
      warnAfterForMs: {},
    },
  ])
})

test('a timer longer than timers can be waits as long as they can, and not for nothing', async () => {
  const long = `${SERVER}drain_timeout: 60d\nlimits: { command_timeout: 60d, data_timeout: 60d }\nqueue: { lease: 60d, expire: 60d }\n`
  const { config } = await load(long, '- use: access\n  timeout: 60d\n')
  const timers = [config!.drainMs, config!.limits.commandMs, config!.limits.dataMs, config!.queue.leaseMs]
  for (const ms of [...timers, config!.plugins[0]!.timeoutMs]) assert.ok(ms > 86_400_000 && ms < 2 ** 31, `${ms}`)
  assert.equal(config!.queue.expireMs, 60 * 86_400_000)
})

for (const [what, dns, warned] of [
  ['a resolver elsewhere is not trusted without a word', '{ servers: [127.0.0.1, 192.0.2.53], trust_ad: true }', /^192\.0\.2\.53: not on this machine/],
  ['a resolver on this machine is trusted', '{ servers: [127.0.0.1, "[::1]:5353", "127.0.0.1:5353"], trust_ad: true }', undefined],
  ['a resolver elsewhere is trusted when the way there is safe', '{ servers: [192.0.2.53], trust_ad: anywhere }', undefined],
  ['a resolver elsewhere that is not trusted is no matter', '{ servers: [192.0.2.53] }', undefined],
] as const)
  test(what, async () => {
    const { config, warnings } = await load(`${SERVER}dns: ${dns}\n`)
    assert.equal(config?.dns.trustAd, dns.includes('trust_ad'))
    const texts = warnings.map(({ message }) => message).filter(message => !/certificate/.test(message))
    if (warned === undefined) assert.deepEqual(texts, [])
    else assert.match(texts.join('\n'), warned)
  }) // biome-ignore format: a table

test('what one process has read is the same configuration in another, which reads nothing', async () => {
  const server = `${SERVER}limits: { hops: 17 }\nqueue:\n`
  const plugins = '- use: access\n- &again\n  use: greylist\n  with: { delay: 1m, none: }\n  on: [mx]\n- *again\n'
  const { config, known: knownOf, shown } = await load(server, plugins)
  assert.deepEqual(shown, [])
  assert.ok(config)
  const known = knownOf?.()
  assert.ok(known?.server && known.plugins)
  const elsewhere = join(tmpdir(), 'posthouse-there-is-no-such-directory')
  const { config: again, faults } = await loadConfig(elsewhere, 'serve', JSON.parse(JSON.stringify(known)))
  assert.deepEqual(faults, [])
  assert.ok(again)
  const plain = ({ plugins, limits, name, listeners, queue }: Config) => ({
    limits,
    name,
    listeners,
    queue,
    plugins: plugins.map(({ use, with: given, unless, on, timeoutMs, onError, mode }) => [
      ...[use, given, unless, on, timeoutMs, onError, mode],
    ]),
  })
  assert.deepEqual(plain(again), plain(config))
  for (const [index, entry] of config.plugins.entries()) {
    const other: typeof entry = again.plugins[index]!
    const { file: _, ...place } = entry.place
    assert.deepEqual({ ...other.place, file: '' }, { ...place, file: '' })
    const schema = {
      type: 'object',
      properties: { dealy: { type: 'string', default: '5m' } },
      additionalProperties: false,
    } as const
    const told = (one: typeof entry) => {
      const { value, faults } = one.check(schema)
      return { value, faults: faults.map(({ line, column, message }) => [line, column, message]) }
    }
    assert.deepEqual(told(other), told(entry))
    assert.equal(other.fault(['on', 0], 'no').line, entry.fault(['on', 0], 'no').line)
  }
})

test('what JSON has no words for is read by each', async () => {
  const { known } = await load(SERVER, '- use: access\n  with: { much: .inf }\n')
  assert.equal(known?.().plugins, undefined)
  assert.ok(known?.().server)
})
