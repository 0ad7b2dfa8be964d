/** The command line as a person meets it: help, exit codes, suggestions, and the files `init` writes. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadConfig } from '../../../core/config/load.js'
import { demoLines } from '../../../core/host/demo-lines.js'
import { fillTemplate, SHIPPED } from '../../../core/host/templates.js'
import { freeBase } from '../../harness/ports.js'
import { ROOT } from '../../harness/shared.js'

const MAIN = join(ROOT, 'dist/core/main.js')
let parent = ''
let dir = ''

before(async () => {
  parent = await mkdtemp(join(tmpdir(), 'posthouse-cli-'))
  dir = join(parent, 'mail')
  const made = await posthouse('init', dir, '--domain', 'example.org', '--base-port', '42000')
  assert.equal(made.code, 0, made.err)
})
after(() => rm(parent, { recursive: true, maxRetries: 5 }))

function posthouse(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise(resolve => {
    execFile(process.execPath, [MAIN, ...args], { cwd: parent, timeout: 120_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
  })
}

test('init writes what is shipped, for another domain, other ports, and data of its own', async () => {
  const { config, faults } = await loadConfig(dir)
  assert.deepEqual(faults, [])
  assert.deepEqual(
    config!.listeners.map(l => `${l.name} ${l.protocol} ${l.address} ${l.tls} ${l.auth}`),
    [
      'mx smtp 127.0.0.1:42025 starttls none',
      'submission smtp 127.0.0.1:42587 starttls required',
      'submissions smtp 127.0.0.1:42465 implicit required',
      'lmtp lmtp 127.0.0.1:42024 none none',
    ],
  )
  assert.deepEqual(
    [config!.name, config!.domains, config!.dataDir],
    ['mail.example.org', ['example.org'], join(dir, 'data')],
  )
  assert.deepEqual([config!.trusted, config!.dns.servers], [[], []])
  const text = await readFile(join(dir, 'plugins.yaml'), 'utf8')
  for (const port of [42110, 42995, 42143, 42993]) assert.match(text, new RegExp(`"127\\.0\\.0\\.1:${port}"`))
  assert.match(text, /demo: false/)
  assert.deepEqual(await readdir(dir), (await readdir(join(ROOT, 'core/host/templates'))).sort())
})

test('the shipped configuration is what init writes for the shipped wishes', async () => {
  const templates = join(ROOT, 'core/host/templates')
  for (const name of await readdir(templates)) {
    const text = await readFile(join(templates, name), 'utf8')
    assert.equal(fillTemplate(text, SHIPPED), text)
    assert.equal(await readFile(join(ROOT, 'config', name), 'utf8'), text, `config/${name} differs from its template`)
  }
  const { config, faults } = await loadConfig(join(ROOT, 'config'))
  assert.deepEqual(faults, [])
  assert.equal(config!.dataDir, join(ROOT, 'data'))
})

test('every default that the shipped server.yaml shows in a comment is the default', async () => {
  const text = await readFile(join(ROOT, 'config/server.yaml'), 'utf8')
  const examples =
    /^( *)# (user|group|banner|without|messages|trusted|proxy|xclient|xforward|servers|certificate|key|tls|auth|expire_for|warn_after_for|lanes|held_expire):/
  const shown = text
    .split('\n')
    .filter(line => !examples.test(line))
    .map(line => line.replace(/^( *)# ([a-z_]+:.*)$/, '$1$2'))
  const other = join(parent, 'defaults')
  await mkdir(other)
  await writeFile(join(other, 'server.yaml'), shown.join('\n'))
  await writeFile(join(other, 'plugins.yaml'), '')
  const [told, real] = [await loadConfig(other), await loadConfig(join(ROOT, 'config'))]
  assert.deepEqual(told.faults, [])
  const { dir: _, dataDir: __, plugins: ___, ...same } = told.config!
  const { dir: ____, dataDir: _____, plugins: ______, ...rest } = real.config!
  // What is known of files is each folder's own.
  assert.deepEqual({ ...same, kept: undefined }, { ...rest, kept: undefined })
})

const USAGE: readonly (readonly [what: string, args: readonly string[], code: number, said: RegExp])[] = [
  ['--version', ['--version'], 0, /^posthouse \d+\.\d+\.\d+\n$/],
  ['--help', ['--help'], 0, /serve .*\n.*init .*\n.*check /],
  [
    'help for a command',
    ['queue', 'ls', '--help'],
    0,
    /usage: posthouse queue ls \[FILTER…\] \[OPTIONS\][\s\S]*--limit N[\s\S]*\n {2}sender /,
  ],
  ['help before a command', ['help', 'init'], 0, /usage: posthouse init DIR --domain DOMAIN/],
  ['nothing at all', [], 2, /usage: posthouse COMMAND/],
  ['a misspelt command', ['srve'], 2, /there is no command "srve", did you mean "serve"\?/],
  [
    'a misspelt second word',
    ['queue', 'hld', 'x'],
    2,
    /no command "queue hld", did you mean "queue hold"\?\n[\s\S]*queue ls/,
  ],
  ['a second word like no other', ['queue', 'zzzzzz'], 2, /there is no command "queue zzzzzz"\n[\s\S]*queue ls/],
  [
    'a misspelt third word',
    ['queue', 'rule', 'ad'],
    2,
    /no command "queue rule ad", did you mean "queue rule add"\?\n/,
  ],
  ['two of three words', ['queue', 'rule'], 2, /there is no command "queue rule"\n[\s\S]*queue rule add/],
  ['half a command', ['queue'], 2, /queue ls +list what waits/],
  [
    'a misspelt option',
    ['check', '--jsno'],
    2,
    /Unknown option '--jsno', did you mean --json\?\nusage: posthouse check/,
  ],
  ['an option without its value', ['init', 'x', '--domain'], 2, /--domain.*argument missing/],
  ['too few arguments', ['init'], 2, /expected 1 argument, got 0\nusage: posthouse init/],
  ['a bad domain', ['init', 'x', '--domain', 'a b'], 2, /not a domain: a b/],
  [
    'a bad port',
    ['init', 'x', '--domain', 'a.test', '--base-port', '65000'],
    2,
    /expected a base port from 0 to 64540/,
  ],
  ['a directory that is not empty', ['init', '.', '--domain', 'a.test'], 1, /is not empty \(.*nothing was written/],
  ['a directory without configuration', ['check', '--config', 'nowhere'], 1, /server\.yaml:1:1: there is no such file/],
]
for (const [what, args, code, said] of USAGE) {
  test(`${what}: exit code ${code}`, async () => {
    const result = await posthouse(...args)
    assert.equal(result.code, code, result.out + result.err)
    assert.match(code === 0 ? result.out : result.out + result.err, said)
  })
}

for (const [what, from, to, place, said] of [
  [
    'a data directory',
    /^data: .*$/m,
    'data: /proc/nowhere/data',
    '26:7',
    '/proc/nowhere/data cannot be made: the system makes nothing there; data',
  ],
  [
    'a directory for the log',
    /^ {2}# file: "-".*$/m,
    '  file: /proc/nowhere/log',
    '152:9',
    '/proc/nowhere cannot be made: the system makes nothing there; log.file',
  ],
  [
    'a log file',
    /^ {2}# file: "-".*$/m,
    '  file: /proc',
    '152:9',
    '/proc cannot be opened: it is a directory; log.file',
  ],
] as const) {
  test(`${what} that cannot be made is a fault at its line`, async () => {
    const other = join(parent, `unmade ${what}`)
    await posthouse('init', other, '--domain', 'example.org', '--base-port', String(await freeBase()))
    const path = join(other, 'server.yaml')
    const text = await readFile(path, 'utf8')
    assert.match(text, from)
    await writeFile(path, text.replace(from, to))
    const shown = `unmade ${what}/server.yaml:${place}: ${said}`
    // Only a server opens a log.
    for (const command of what === 'a data directory' ? ['serve', 'check', 'user list'] : ['serve']) {
      const { code, out, err } = await posthouse(...command.split(' '), '--config', other)
      assert.deepEqual([code, (out + err).slice(0, shown.length)], [1, shown], command)
    }
  })
}

test('help, a mistyped word and what needs no data make no data directory', async () => {
  const fresh = join(parent, 'fresh')
  await posthouse('init', fresh, '--domain', 'example.org')
  for (const [args, code, said] of [
    [['user', 'add', '--help'], 0, /LOGIN \[ADDRESS…\]/],
    [['user', 'ad'], 2, /no command "user ad"/],
    [['learn', 'build-model', join(parent, 'nothing'), join(parent, 'model')], 2, /no index\.tsv/],
  ] as const) {
    const { code: is, out, err } = await posthouse(...args, '--config', fresh)
    assert.deepEqual([is, said.test(out + err)], [code, true], out + err)
    assert.equal(existsSync(join(fresh, 'data')), false, args.join(' '))
  }
  const { code } = await posthouse('user', 'list', '--config', fresh)
  assert.deepEqual([code, existsSync(join(fresh, 'data'))], [0, true])
})

test('commands of plugins are found, have help, and speak JSON', async () => {
  const help = await posthouse('user', 'add', '--help', '--config', dir)
  assert.match(help.out, /usage: posthouse user add LOGIN \[ADDRESS…\] \[OPTIONS\][\s\S]*--password-stdin/)
  const added = await posthouse('user', 'add', 'carol', '--config', dir, '--json')
  assert.equal(added.code, 0, added.err)
  const { out } = await posthouse('--json', '--config', dir, 'user', 'list')
  assert.deepEqual(
    (JSON.parse(out) as { login: string }[]).map(({ login }) => login),
    [(JSON.parse(added.out) as { login: string }).login],
  )
  const odd = await posthouse('user', 'ad', '--config', dir)
  assert.equal(odd.code, 2)
  assert.match(odd.err, /there is no command "user ad", did you mean "user add"\?\n[\s\S]*user passwd/)
})

test('check says that all is right, explain shows who is asked, queue ls that nothing waits', async () => {
  const check = await posthouse('check', '--config', dir)
  assert.deepEqual([check.code, check.err], [0, ''], check.out)
  assert.match(check.out, /is right: 8 listeners, \d+ plugins/)
  const explain = await posthouse('explain', '--json', '--config', dir)
  const { moments, listeners } = JSON.parse(explain.out) as {
    moments: { moment: string; asked: { plugin: string; deadlineMs: number; onFailure: string }[] }[]
    listeners: string[]
  }
  const route = moments.find(m => m.moment === 'route')!
  assert.deepEqual(
    route.asked.map(a => [a.plugin, a.deadlineMs, a.onFailure]),
    ['relay', 'mda'].map(plugin => [plugin, 30_000, 'refuses for now (451 4.3.0)']),
  )
  assert.equal(listeners.length, 8)
  assert.match(
    (await posthouse('explain', '--config', dir)).out,
    /route: asked in this order.*\n +1\. relay .*\n +2\. mda /,
  )
  assert.match((await posthouse('queue', 'ls', '--config', dir)).out, /the queue is empty/)
  assert.deepEqual(JSON.parse((await posthouse('queue', 'ls', '--json', '--config', dir)).out), [])
})

test('check lists all faults at once, of both files and of what stands under with', async () => {
  const wrong = join(parent, 'wrong')
  await posthouse('init', wrong, '--domain', 'example.org')
  const edit = async (name: string, from: string, to: string) =>
    writeFile(join(wrong, name), (await readFile(join(wrong, name), 'utf8')).replace(from, to))
  await edit('server.yaml', 'tls: implicit', 'tls: implicti')
  await edit('plugins.yaml', 'use: mda', 'use: mdaa')
  await edit('plugins.yaml', 'listen_tls: [', 'listen_tsl: [')
  const { code, out, err } = await posthouse('check', '--config', wrong)
  assert.equal(code, 1)
  assert.match(out, /server\.yaml:\d+:\d+: .*did you mean "implicit"\?/)
  assert.match(out, /plugins\.yaml:\d+:\d+: there is no plugin "mdaa", did you mean "mda"\?/)
  assert.match(out, /plugins\.yaml:\d+:\d+: unknown key "listen_tsl", did you mean "listen_tls"\?/)
  assert.match(err, /3 faults/)
  assert.equal(existsSync(join(wrong, 'data')), false)
  const json = await posthouse('check', '--json', '--config', wrong)
  assert.equal((JSON.parse(json.out) as { faults: unknown[] }).faults.length, 3)
})

test('a plugin whose rest cannot be loaded keeps the server from starting, and check tells of it', async () => {
  const broken = join(parent, 'broken')
  const base = await freeBase()
  const made = await posthouse('init', broken, '--domain', 'example.org', '--base-port', String(base))
  assert.equal(made.code, 0, made.err)
  await writeFile(
    join(broken, 'late.mjs'),
    `export default { name: 'late', summary: 'tests', config: { type: 'object' },
  setup: () => ({ loadRest: () => import('./not-there.mjs') }) }`,
  )
  const list = join(broken, 'plugins.yaml')
  await writeFile(list, `${await readFile(list, 'utf8')}\n- use: ./late.mjs\n`)
  for (const command of ['check', 'serve']) {
    const { code, err } = await posthouse(command, '--config', broken)
    assert.deepEqual([command, code], [command, 1])
    assert.match(err, /Cannot find module .*not-there\.mjs/)
  }
})

test('rules with a fault keep the server from starting, and are told beside other faults', async () => {
  const broken = join(parent, 'broken-rules')
  const base = await freeBase()
  const made = await posthouse('init', broken, '--domain', 'example.org', '--base-port', String(base))
  assert.equal(made.code, 0, made.err)
  await writeFile(join(broken, 'local.yaml'), 'rules:\n  - { name: odd, points: 1, says: odd, words: [] }\n')
  const { code, err } = await posthouse('serve', '--config', broken)
  assert.equal(code, 1)
  assert.match(err, /local\.yaml:2:\d+: /)
  assert.match(err, /not started, \d faults? in the configuration/)
  await writeFile(join(broken, 'aliases.yaml'), 'no list: of aliases\n- at all\n')
  const both = await posthouse('check', '--config', broken)
  assert.equal(both.code, 1)
  assert.match(both.out, /aliases\.yaml:\d+:\d+: /)
  assert.match(both.out, /local\.yaml:2:\d+: /)
})

test('the lines of a first start send a mail and read it', () => {
  const accounts = [{ login: 'alice@example.test', password: 'aa-bb' }]
  const doors = [
    { name: 'mx', protocol: 'smtp', address: '127.0.0.1:1025', tls: 'starttls' },
    { name: 'imaps', protocol: 'imap', address: '127.0.0.1:1993', tls: 'implicit' },
  ] as const
  const lines = demoLines(accounts, doors, 'it is/here.pem').join('\n')
  assert.match(lines, /alice@example\.test {2}aa-bb/)
  assert.match(lines, /smtp:\/\/127\.0\.0\.1:1025 .*--mail-rcpt alice@example\.test/)
  assert.match(
    lines,
    /--cacert 'it is\/here\.pem' --user alice@example\.test:aa-bb 'imaps:\/\/127\.0\.0\.1:1993\/INBOX/,
  )
  assert.doesNotMatch(demoLines(accounts, [], undefined).join('\n'), /curl/)
  assert.deepEqual(demoLines([], doors, undefined), [])
})

test('init where nothing can be made says so and ends', {
  skip: !existsSync('/proc/self') && 'there is no /proc',
}, async () => {
  const { code, err } = await posthouse('init', '/proc/posthouse', '--domain', 'example.org')
  assert.equal(code, 1)
  assert.match(err, /^posthouse: ENOENT: .*\/proc\/posthouse/)
})
