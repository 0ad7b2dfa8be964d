/** Plugins from a config directory: found, checked, set up in order, put together, disposed of. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { type ConfigError, MailError } from '../../../core/api/index.js'
import { loadConfig } from '../../../core/config/load.js'
import type { Loaded } from '../../../core/host/loaded.js'
import { loadPlugins } from '../../../core/host/loader.js'
import { MemoryMetrics } from '../../../core/host/metrics.js'
import { quietLog } from '../../harness/log.js'

const SERVER = 'name: mail.example.test\ndomains: []\nlisteners: [{ name: mx, address: "127.0.0.1:1025" }]\n'

/** A plugin as text; `body` returns the contribution. */
function plugin(name: string, body = 'return {}', more = ''): string {
  return `import { definePlugin, ConfigError, label, reject } from 'posthouse/api'
globalThis.posthouseTestSteps ??= []
const steps = globalThis.posthouseTestSteps
export default definePlugin({ name: '${name}', summary: 's', config: { type: 'object', additionalProperties: false,
  properties: { points: { type: 'integer', default: 3 } } }, ${more}
  async setup({ config, fault, services, files, metrics }) { steps.push('setup ${name}'); ${body} } })`
}

async function withPlugins(
  files: Readonly<Record<string, string>>,
  entries: string,
  work: (loaded: Loaded, metrics: MemoryMetrics) => void | Promise<void>,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-loader-'))
  try {
    for (const [name, text] of Object.entries({ 'server.yaml': SERVER, 'plugins.yaml': entries, ...files })) {
      await mkdir(dirname(join(dir, name)), { recursive: true })
      await writeFile(join(dir, name), text)
    }
    const { config, faults } = await loadConfig(dir)
    assert.deepEqual(faults, [])
    const metrics = new MemoryMetrics()
    const loaded = await loadPlugins(config!, {
      log: quietLog,
      metrics,
      dns: {} as never,
      clock: Date,
      server: {} as never,
      bus: { publish: () => undefined, subscribe: () => () => undefined },
      signal: new AbortController().signal,
      services: {},
      purpose: 'serve',
    })
    await work(loaded, metrics)
    await loaded.dispose()
  } finally {
    await rm(dir, { recursive: true })
  }
}

async function faultsOf(files: Readonly<Record<string, string>>, entries: string): Promise<readonly string[]> {
  const wrong = await withPlugins(files, entries, () => assert.fail('it was loaded')).then(
    () => undefined,
    (error: ConfigError) => error,
  )
  assert.equal(wrong?.name, 'ConfigError', String(wrong))
  return wrong!.faults.map(f => `${f.line}:${f.column}: ${f.message}`)
}

function steps(): string[] {
  const all = globalThis as { posthouseTestSteps?: string[] }
  const found = all.posthouseTestSteps ?? []
  return found.splice(0)
}

test('suppliers are set up first, asked as written, and disposed of last', async () => {
  steps()
  const dispose = (name: string) => `dispose() { steps.push('dispose ${name}') }`
  await withPlugins(
    {
      'user.js': plugin('user', `services.get('accounts'); return { ${dispose('user')} }`, `needs: ['accounts'],`),
      'giver.js': plugin(
        'giver',
        `return { services: { accounts: {} }, ${dispose('giver')} }`,
        `supplies: ['accounts'],`,
      ),
    },
    '- use: ./user.js\n- use: ./giver.js\n',
    loaded => {
      assert.deepEqual(
        loaded.entries.map(e => e.plugin.name),
        ['user', 'giver'],
      )
    },
  )
  assert.deepEqual(steps(), ['setup giver', 'setup user', 'dispose user', 'dispose giver'])
})

test('contributions are put together, `with` carries defaults, metrics carry the name', async () => {
  await withPlugins(
    {
      'a.js': plugin(
        'a',
        `metrics.count('hits', config.points); metrics.count('a.named')
         return { targets: { box: { scope: 'local' } }, smtpVerbs: { etrn: { run() {} } }, labels: ['allowed'],
                  commands: [{ name: 'a list', summary: 's', arity: [0, 0], async run() {} }], listeners: [{ name: 'imap', address: '127.0.0.1:1143' }] }`,
      ),
    },
    '- use: ./a.js\n  unless: [allowed, imap, mx, tls]\n',
    (loaded, metrics) => {
      assert.deepEqual([...loaded.targets.keys(), ...loaded.verbs.keys()], ['box', 'ETRN'])
      assert.deepEqual([loaded.commands[0]!.name, loaded.listeners[0]!.name], ['a list', 'imap'])
      assert.deepEqual([...loaded.labels], ['authenticated', 'tls', 'trusted', 'mx', 'imap', 'allowed'])
      assert.equal(metrics.counters.get('a.hits'), 3)
      assert.equal(metrics.counters.get('a.named'), 1, 'once is enough')
    },
  )
})

test('an npm package beside the configuration is found, also one that is for import alone', async () => {
  await withPlugins(
    {
      'node_modules/@me/filter/package.json': '{"type":"module","exports":{".":{"import":"./lib/main.js"}}}',
      'node_modules/@me/filter/lib/main.js': plugin('filter'),
    },
    '- use: "@me/filter"\n',
    loaded => assert.equal(loaded.entries[0]!.plugin.name, 'filter'),
  )
})

const FAULTS: readonly (readonly [
  what: string,
  files: Record<string, string>,
  entries: string,
  faults: readonly RegExp[],
])[] = [
  [
    'a bundled plugin misspelt',
    {},
    '- use: store-memry\n',
    [/^1:8: there is no plugin "store-memry", did you mean "store-memory"\?$/],
  ],
  ['a file that is not there', {}, '- use: ./nowhere.js\n', [/^1:8: there is no file \.\/nowhere\.js$/]],
  [
    'a file that is no plugin',
    { 'a.js': 'export default 7' },
    '- use: ./a.js\n',
    [/has no plugin as its default export/],
  ],
  [
    'a file that does not parse',
    { 'a.js': 'export default {' },
    '- use: ./a.js\n',
    [/cannot be loaded: .*; to see where: node --check .*\/a\.js$/],
  ],
  [
    'a wrong key under with',
    { 'a.js': plugin('a') },
    '- use: ./a.js\n  with: { pionts: 3 }\n',
    [/^2:11: unknown key "pionts", did you mean "points"\?$/],
  ],
  [
    'a fault of with that only the plugin can find',
    { 'a.js': plugin('a', `throw new ConfigError([fault(['points'], 'expected an odd number')])`) },
    '- use: ./a.js\n  with:\n    points: 4\n',
    [/^3:13: expected an odd number$/],
  ],
  [
    'a setup that throws',
    { 'a.js': plugin('a', 'throw new Error("no disk")') },
    '- use: ./a.js\n',
    [/^1:8: "a" could not be set up: no disk \(.*\/a\.js:6\)$/],
  ],
  [
    'a setup that returns nothing',
    { 'a.js': plugin('a', '') },
    '- use: ./a.js\n',
    [/^1:8: "a" returns nothing from setup; return what it contributes, or \{\}$/],
  ],
  [
    'a hook at no moment',
    { 'a.js': plugin('a', 'return { hooks: { rcptt() {}, score: 3 }, comands: [] }') },
    '- use: ./a.js\n',
    [
      /contributes "comands", and there is no such part; did you mean "commands"\?$/,
      /has a hook "rcptt", and there is no such moment; did you mean "rcpt"\?$/,
      /has no function at score$/,
    ],
  ],
  [
    'a verb that core answers, and one that cannot run',
    { 'a.js': plugin('a', 'return { smtpVerbs: { mail: { run() {} }, ETRN: {} } }') },
    '- use: ./a.js\n',
    [/SMTP verb mail, which core answers itself$/, /SMTP verb ETRN without a function "run"$/],
  ],
  [
    'half a command',
    { 'a.js': plugin('a', `return { commands: [{ name: 'a list', summary: 's' }, { summary: 's' }] }`) },
    '- use: ./a.js\n',
    [/"a list" without an "arity"/, /"a list" without a function "run"$/, /a command without a "name"/],
  ],
  [
    'faults of files of the plugin beside those of others',
    {
      'a.js': plugin('a', `const f = await files.yaml('a.yaml', { type: 'array' }); throw new ConfigError(f.faults)`),
      'a.yaml': 'x: 1\n',
      'b.js': plugin('b', 'throw new Error("no")'),
    },
    '- use: ./a.js\n- use: ./b.js\n',
    [/^1:1: expected a list/, /^2:8: "b" could not/],
  ],
  [
    'a service promised and not brought',
    { 'a.js': plugin('a', 'return {}', `supplies: ['store'],`) },
    '- use: ./a.js\n',
    [/promises the service "store" and brings none/],
  ],
  [
    'two sources of accounts of one name, which would share ids and mailboxes',
    { 'a.js': plugin('a', `return { services: { accounts: { name: 'far' } } }`, `supplies: ['accounts'],`) },
    '- use: ./a.js\n- use: ./a.js\n',
    [/^2:\d+: another source of accounts is called "far" already/],
  ],
  [
    'a target twice',
    { 'a.js': plugin('a', 'return { targets: { box: {} } }') },
    '- use: ./a.js\n- use: ./a.js\n',
    [/^2:8: the target "box" of "a" is taken by "a"$/],
  ],
  [
    'a listener where another is',
    { 'a.js': plugin('a', `return { listeners: [{ name: 'imap', address: '127.0.0.1:1025' }] }`) },
    '- use: ./a.js\n',
    [/the address "127\.0\.0\.1:1025" of "a" is taken by listener "mx"/],
  ],
  [
    'a listener that asks for client certificates nobody can check',
    {
      'a.js': plugin(
        'a',
        `return { listeners: [{ name: 'b', address: '127.0.0.1:1026', clientCertificates: 'require' }] }`,
      ),
    },
    '- use: ./a.js\n',
    [/^1:3: client certificates cannot be checked: tls\.client_ca of server\.yaml names no authority$/],
  ],
  [
    'a label nothing sets',
    { 'a.js': plugin('a') },
    '- use: ./a.js\n  on: [tsl]\n',
    [/^2:8: nothing sets the label "tsl", did you mean "tls"\?$/],
  ],
  [
    'failures ignored where they may not be',
    { 'a.js': plugin('a', 'return { hooks: { route() {} } }') },
    '- use: ./a.js\n  on_error: ignore\n',
    [/^2:13: "a" answers at route, where a failure may not be ignored/],
  ],
]
for (const [what, files, entries, faults] of FAULTS) {
  test(`${what} is a fault with its place`, async () => {
    const found = await faultsOf(files, entries)
    assert.equal(found.length, faults.length, found.join('\n'))
    for (const [i, fault] of faults.entries()) assert.match(found[i]!, fault)
  })
}

test('a CommonJS plugin gets the doors of the server that runs, where no posthouse is installed', async () => {
  const text = `const { MailError } = require('posthouse/api')
const { printable } = require('posthouse/text')
module.exports = { name: 'old', summary: 's', config: { type: 'object' },
  setup: () => ({ services: { old: { errors: MailError, said: printable('a\\0b', 5) } } }), supplies: ['old'] }`
  await withPlugins({ 'old.cjs': text }, '- use: ./old.cjs\n', ({ services }) => {
    assert.deepEqual(services.find('old' as never), { errors: MailError, said: 'a?b' })
  })
})

test('the store is closed after the last plugin, also when another has a fault', async () => {
  const store = plugin(
    'store',
    `return { services: { store: { async close() { steps.push('close') } } }, dispose() { steps.push('dispose store') } }`,
    `supplies: ['store'],`,
  )
  const user = (name: string, more = '') =>
    plugin(name, `${more}return { dispose() { steps.push('dispose ${name}') } }`, `needs: ['store'],`)
  steps()
  await withPlugins({ 'store.js': store, 'a.js': user('a') }, '- use: ./a.js\n- use: ./store.js\n', () => undefined)
  assert.deepEqual(steps(), ['setup store', 'setup a', 'dispose a', 'dispose store', 'close'])
  const files = { 'store.js': store, 'a.js': user('a'), 'b.js': user('b', 'throw new Error("no");') }
  await faultsOf(files, '- use: ./a.js\n- use: ./b.js\n- use: ./store.js\n')
  assert.deepEqual(steps().slice(-3), ['dispose a', 'dispose store', 'close'])
})

test('what was set up is disposed of when another has a fault', async () => {
  steps()
  const files = {
    'a.js': plugin('a', `return { dispose() { steps.push('dispose a') } }`),
    'b.js': plugin('b', 'throw new Error("no")'),
  }
  await faultsOf(files, '- use: ./a.js\n- use: ./b.js\n')
  assert.deepEqual(steps(), ['setup a', 'setup b', 'dispose a'])
})
