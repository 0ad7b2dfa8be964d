/**
 * Mail that has come judged again by another configuration, beside the server that took it: by its own, edited in place, and by a copy compared
 * with it; and mail in files. Points are given by a plugin of the test's own, by what its config says a word is worth.
 */
import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parse, stringify } from 'yaml'
import { type DnsServer, startDnsServer } from '../harness/dns-server.js'
import { Instance, ROOT } from '../harness/instance.js'
import { type ProgramResult, runProgram } from '../harness/programs.js'
import { talk } from '../harness/relay-attempts.js'

const WORDS = `
import { definePlugin } from 'posthouse/api'
export default definePlugin({
  name: 'words', summary: 'a word is worth points', config: { type: 'object', additionalProperties: { type: 'number' } },
  setup: ({ config, dns, state, clock }) => ({
    hooks: {
      async score({ message, session }) {
        const { body } = await message.text()
        return Object.entries(config).filter(([word]) => body.includes(word))
          .map(([word, points]) => ({ name: 'word-' + word, points, says: 'It says ' + word + ' at ' + new Date(clock.now()).getUTCFullYear() + ' from ' + session.remote.address }))
      },
      weigh: ({ verdict }) => verdict.sum > 9 ? { name: 'cap', points: 9 - verdict.sum, says: 'Enough.' } : undefined,
    },
  }),
})
`
const ASKS = `
import { definePlugin } from 'posthouse/api'
export default definePlugin({
  name: 'asks', summary: 'asks others', config: { type: 'object' },
  setup: ({ dns, state, clock }) => ({
    hooks: {
      async score() {
        const before = await state.add('seen', 1, clock.now(), clock.now() + 86400000)
        const found = [{ name: 'seen', points: before > 1 ? 0.5 : 0.25, says: 'Seen ' + before }]
        try { await dns.a('listed.test'); return [...found, { name: 'listed', points: 1, says: 'Listed.' }] } catch { return found }
      },
    },
  }),
})
`

interface Line {
  readonly id?: string
  readonly subject?: string
  readonly sum?: { readonly from: number; readonly to: number }
  readonly recipients?: readonly { readonly address: string; readonly from: string; readonly to: string }[]
  readonly came?: readonly { readonly name: string; readonly says: string }[]
  readonly went?: readonly { readonly name: string }[]
  readonly changed?: readonly { readonly name: string; readonly from: number; readonly to: number }[]
  readonly summary?: {
    readonly mails: number
    readonly flipped: number
    readonly otherSum: number
    readonly unrecorded: number
  }
}

/** `Instance.cli` names the configuration itself. */
async function posthouse(...args: string[]): Promise<ProgramResult> {
  const { stdout, ...rest } = await runProgram(process.execPath, [join(ROOT, 'dist/core/main.js'), ...args])
  return { ...rest, stdout: Buffer.from(stdout, 'latin1').toString() }
}

interface Replayed {
  readonly code: number | null
  readonly lines: readonly Line[]
  readonly stderr: string
}

function withWords(text: string, words: Readonly<Record<string, number>>): string {
  const entries = parse(text) as { use: string; with?: object }[]
  entries[0]!.with = words
  return stringify(entries)
}

describe('a server whose mail is judged again', () => {
  let dns: DnsServer
  let a: Instance
  let copy: string
  /** Questions to the name service when all mail is in. */
  let asked: number

  before(async () => {
    dns = await startDnsServer({ 'listed.test': { a: ['127.0.0.2'] } })
    a = await Instance.make({
      domain: 'example.test',
      users: [['alice@example.test', 'correct horse']],
      only: ['store-lmdb', 'auth-file', 'access', 'mda', 'relay', 'mx', 'imap', 'pop3', 'bounces', 'spam-action'],
      first: [{ use: './words.js', with: { pills: 3, lottery: 6 } }, { use: './asks.js' }],
      files: { 'words.js': WORDS, 'asks.js': ASKS },
      plugins: { 'spam-action': { reject: 9 } },
      server: { xclient: ['127.0.0.0/8'], dns: { servers: [dns.address], timeout: '10s', tries: 1 } },
    })
    await a.start()
    for (const text of ['nothing odd', 'cheap pills', 'a lottery', 'pills lottery pills'])
      assert.match(await send(text), text.startsWith('pills') ? /^550 / : /^250 /)
    asked = dns.asked.length
    copy = await mkdtemp(join(tmpdir(), 'posthouse-copy-'))
  })
  after(async () => {
    await a?.destroy()
    await dns?.close()
    await rm(copy, { recursive: true, force: true })
  })

  async function send(text: string): Promise<string> {
    const heard = await talk(a.ports.mx, [
      ...['EHLO outer.test', 'XCLIENT ADDR=203.0.113.9', 'EHLO mx.odd.test', 'MAIL FROM:<x@odd.test>'],
      ...['RCPT TO:<alice@example.test>', 'DATA'],
      `From: x@odd.test\r\nMessage-ID: <${text.replaceAll(' ', '-')}@odd.test>\r\nSubject: ${text}\r\n\r\n${text}\r\n.`,
    ])
    return heard.at(-1)!
  }

  /** A copy of the configuration, without data, in which words are worth this. */
  async function copyWith(name: string, words: Readonly<Record<string, number>>): Promise<string> {
    const dir = join(copy, name)
    await mkdir(dir)
    for (const file of ['server.yaml', 'plugins.yaml', 'words.js', 'asks.js'])
      await cp(join(a.configDir, file), join(dir, file))
    await writeFile(join(dir, 'plugins.yaml'), withWords(await readFile(join(dir, 'plugins.yaml'), 'utf8'), words))
    return dir
  }

  async function replay(dir: string, ...args: string[]): Promise<Replayed> {
    const { code, stdout, stderr } = await posthouse('replay', '--json', ...args, '--config', dir)
    return {
      code,
      stderr,
      lines: stdout
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line) as Line),
    }
  }

  test('the same configuration flips nothing', async () => {
    const { code, lines, stderr } = await replay(a.configDir)
    assert.equal(code, 0, stderr)
    const nonePassed = { unrecorded: 0, unreadable: 0 }
    const summary = { mails: 4, flipped: 0, otherSum: 0, gone: 1, ways: {}, ...nonePassed, kept: ['asks'] }
    assert.deepEqual(lines, [{ summary }])
  })

  const dearer = { pills: 4, lottery: 6, cheap: 0.5 }

  /** Of the mail that now is Junk: each finding as it was recorded but for the words, which are those of the new configuration. */
  function assertFlips({ code, lines, stderr }: Replayed): void {
    assert.equal(code, 1, stderr)
    const [flip, last] = lines
    assert.equal(lines.length, 2)
    assert.equal(flip?.subject, 'cheap pills')
    assert.deepEqual(flip.sum, { from: 4.5, to: 6 })
    assert.deepEqual(flip.recipients, [{ address: 'alice@example.test', from: 'none', to: 'junk' }])
    const year = new Date().getUTCFullYear()
    assert.deepEqual(
      flip.came?.map(({ name, says }) => [name, says]),
      [['word-cheap', `It says cheap at ${year} from 203.0.113.9`]],
    )
    assert.deepEqual([flip.went, flip.changed], [[], [{ name: 'word-pills', from: 3, to: 4 }]])
    assert.deepEqual([last?.summary?.mails, last?.summary?.flipped, last?.summary?.otherSum], [4, 1, 1])
  }

  test('a copy with dearer pills flips the mail that sells them, and says why', async () => {
    assertFlips(await replay(await copyWith('dearer', dearer), '--current', a.configDir))
  })

  test('so does the configuration itself, edited but not yet reloaded; the queue id leads to the record', async () => {
    const path = join(a.configDir, 'plugins.yaml')
    const text = await readFile(path, 'utf8')
    await writeFile(path, withWords(text, dearer))
    const found = await replay(a.configDir)
    await writeFile(path, text)
    assertFlips(found)
    const { stdout } = await a.cli(['queue', 'show', found.lines[0]!.id!])
    assert.match(stdout, /Accepted from x@odd\.test/)
  })

  test('of what was refused the record is left, and other thresholds are tried on it', async () => {
    const dir = await copyWith('milder', { pills: 3, lottery: 6 })
    const path = join(dir, 'plugins.yaml')
    await writeFile(path, (await readFile(path, 'utf8')).replace('reject: 9', 'reject: 15'))
    const { code, lines } = await replay(dir, '--current', a.configDir)
    assert.equal(code, 1)
    assert.deepEqual([lines.length, lines[0]?.subject, lines[0]?.sum], [2, 'pills lottery pills', { from: 9, to: 9 }])
    assert.deepEqual(lines[0]?.recipients, [{ address: 'alice@example.test', from: 'reject', to: 'junk' }])
  })

  test('people read it in words', async () => {
    const { stdout, code } = await posthouse('replay', '--current', a.configDir, '--config', join(copy, 'dearer'))
    assert.equal(code, 1)
    assert.match(
      stdout,
      /^\S+\.1 {2}.* from x@odd\.test {2}4\.5 → 6 points\n {2}“cheap pills” {2}<cheap-pills@odd\.test>\n {2}alice@example\.test: accepted → Junk\n {2}\+ word-cheap 0\.5 \(words\): /,
    )
    assert.match(
      stdout,
      /^4 messages judged again: 1 would fare otherwise; 1 message has another sum\n {2}1 {2}accepted → Junk$/m,
    )
  })

  test('nobody was asked and nothing was counted', async () => {
    const { lines } = await replay(await copyWith('same', { pills: 3, lottery: 6 }), '--current', a.configDir)
    assert.deepEqual([lines.length, lines[0]?.summary?.otherSum], [1, 0])
    assert.equal(dns.asked.length, asked)
    assert.match((await a.cli(['state', 'ls', '--json'])).stdout, /"key":"asks\/seen","value":"4"/)
  })

  test('with --dns the name service is asked', async () => {
    const { code } = await replay(a.configDir, '--dns')
    assert.equal(code, 0)
    assert.ok(dns.asked.length > asked)
  })

  test('mail in files, with what its topmost Received tells, is judged by both', async () => {
    const file = join(copy, 'box')
    const mail = (text: string) =>
      `From x Thu Jan  1 00:00:00 2026\nReceived: from h (n [198.51.100.7])\n\tby us; Thu, 01 Jan 2015 00:00:00 +0000\nSubject: ${text}\n\n${text}\n>From here\n\n`
    await writeFile(file, mail('cheap pills') + mail('nothing'))
    const { code, lines } = await replay(join(copy, 'dearer'), '--current', a.configDir, '--mail', file, file)
    assert.equal(code, 1)
    const [first, second, { summary }] = lines as [Line, Line, Line]
    assert.deepEqual([first.id, second.id, summary?.mails], [`${file}#1`, `${file}#1`, 4])
    assert.deepEqual(first.recipients, [{ address: 'postmaster@example.test', from: 'none', to: 'junk' }])
    assert.equal(first.came?.[0]?.says, 'It says cheap at 2015 from 198.51.100.7')
  })

  for (const [args, wanted] of [
    [['--since', 'soon'], /--since soon: expected a time as 7d/],
    [['--mail', '/nonexistent/mail'], /name the configuration in use with --current/],
    [['--current', '/nonexistent'], /nonexistent.*server\.yaml/],
  ] as const) {
    test(`what cannot be found out has exit code 2: ${args.join(' ')}`, async () => {
      const { code, stderr } = await replay(a.configDir, ...args)
      assert.equal(code, 2, stderr)
      assert.match(stderr, wanted)
    })
  }
})
