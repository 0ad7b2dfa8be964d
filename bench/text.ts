/**
 * `npm run bench:text -- FOLDER…`: what it costs to read mail as a reader would (`message.text()`), on the .eml files of these folders, beside mailparser in
 * the same run; how far both see the same words; and how long large and hostile mail holds up the main thread, which needs no files: read alone, and
 * judged by all rules of content.
 * Absolute figures are of the machine and its load; what counts is the ratio, and that no line of the second table holds anybody up.
 */
import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { simpleParser } from 'mailparser'
import { messageOf } from '../core/storage/message.js'
import { htmlToText, readMessage } from '../core/text/index.js'
import { Site } from './filter/site.js'
import { pluginsOf } from './filter/stages.js'
import { viewOf } from './filter/view.js'
import { ends, runToTheEnd } from './lib/ends.js'
import { parseOptions, Wrong } from './lib/options.js'

const LEAN = { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true, skipTextLinks: true } as const
const HELP = `npm run bench:text [-- FOLDER…]     what reading the .eml files of these folders costs, beside mailparser; and large mail, which needs no files\n`
const TURNS = 3
const SAMPLED = 3000
const LARGE = 25 * 1024 * 1024
const SMALL = 128 * 1024 - 200
/** `header_size` as shipped: a longer header is refused at the door. */
const MOST_HEADER = 256 * 1024 - 200
const WORD = /[\p{L}\p{N}]{3,}/gu

interface Mail {
  readonly path: string
  readonly bytes: Buffer
}

function mailIn(folders: readonly string[]): readonly Mail[] {
  const paths = folders.flatMap(folder =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter(path => path.endsWith('.eml'))
      .sort()
      .map(path => join(folder, path)),
  )
  const step = Math.max(1, Math.ceil(paths.length / SAMPLED))
  return paths.filter((_, i) => i % step === 0).map(path => ({ path, bytes: readFileSync(path) }))
}

function cpuMs({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1000
}

/** Mean CPU of one mail, the best of several turns: others may run on this machine. */
async function meanMs(mails: readonly Mail[], work: (bytes: Buffer) => unknown): Promise<number> {
  let best = Number.POSITIVE_INFINITY
  for (let turn = 0; turn < TURNS; turn++) {
    const before = process.cpuUsage()
    for (const { bytes } of mails) await work(bytes)
    best = Math.min(best, cpuMs(process.cpuUsage(before)) / mails.length)
  }
  return best
}

async function costs(mails: readonly Mail[]): Promise<void> {
  const row = async (what: string, some: readonly Mail[]) => {
    if (some.length === 0) return
    const kilobytes = some.reduce((sum, { bytes }) => sum + bytes.length, 0) / some.length / 1024
    const ours = await meanMs(some, bytes => readMessage(bytes))
    const theirs = await meanMs(some, async bytes => htmlToText((await simpleParser(bytes, LEAN)).html || ''))
    console.log(
      `${what.padEnd(22)}${String(some.length).padStart(6)}${kilobytes.toFixed(1).padStart(9)}` +
        `${ours.toFixed(3).padStart(10)}${theirs.toFixed(3).padStart(13)}${(theirs / ours).toFixed(1).padStart(8)}`,
    )
  }
  console.log('CPU to read a mail     mails  mean KB   ours ms  mailparser ms   ratio')
  await row('all', mails)
  await row(
    '25 to 45 KB',
    mails.filter(({ bytes }) => bytes.length > 25_600 && bytes.length < 46_080),
  )
  const slowest = mails.map(({ path, bytes }) => ({ path, ms: timed(() => readMessage(bytes)) }))
  slowest.sort((a, b) => b.ms - a.ms)
  const at = (share: number) => slowest[Math.floor(slowest.length * share)]!.ms.toFixed(2)
  console.log(`p50 ${at(0.5)} ms, p99 ${at(0.01)} ms; slowest ${slowest[0]!.ms.toFixed(2)} ms: ${slowest[0]!.path}`)
}

function timed(work: () => void): number {
  const start = performance.now()
  work()
  return performance.now() - start
}

const wordsOf = (text: string): ReadonlySet<string> => new Set(text.toLowerCase().match(WORD) ?? [])

async function differences(mails: readonly Mail[]): Promise<void> {
  let [less, more] = [0, 0]
  for (const { bytes } of mails) {
    const { body, hidden } = readMessage(bytes)
    const ours = wordsOf(`${body} ${hidden}`)
    const mail = await simpleParser(bytes, LEAN)
    const theirs = wordsOf(`${mail.text ?? ''} ${htmlToText(mail.html || '').text}`)
    if ([...theirs].some(word => !ours.has(word))) less += 1
    if ([...ours].some(word => !theirs.has(word))) more += 1
  }
  console.log(`mailparser has words that we have not in ${less} of ${mails.length} mails, we have others in ${more}`)
}

const filled = (text: string, size: number) => text.repeat(Math.ceil(size / text.length)).slice(0, size)
const html = (text: string) => (size: number) => `Content-Type: text/html\r\n\r\n${filled(text, size)}`
const mixed = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n'
const base64 = `${'A'.repeat(76)}\r\n`

const HOSTILE: readonly (readonly [what: string, make: (size: number) => string])[] = [
  ['plain text', size => `\r\n${filled('lorem ipsum dolor\r\n', size)}`],
  [
    'an attachment',
    size =>
      `${mixed}--b\r\nContent-Transfer-Encoding: base64\r\nContent-Type: image/png\r\n\r\n${filled(base64, size)}`,
  ],
  ['parts in parts', size => deep(size)],
  ['100,000 and more parts', size => `${mixed}${filled('--b\r\n\r\nx\r\n', size)}`],
  ['messages in messages', size => filled('Content-Type: message/rfc822\r\n\r\n', size)],
  [
    'parameters',
    size => `Content-Type: text/plain; ${filled('a*0*="x";', Math.min(size, 1e6))}\r\n\r\n${filled('x', size)}`,
  ],
  ['open tags', html('<div>')],
  ['open quotes', html('<a href="')],
  ['open comments', html('<!--')],
  ['nested styles', html('<div style="color:#fff;font-size:1em">a')],
  ['style sheets', html('<style>.a{color:red}</style>')],
  ['entities', html('&amp;')],
  ['equals signs', size => `Content-Transfer-Encoding: quoted-printable\r\n\r\n${filled('=', size)}`],
  [
    'shifts of ISO-2022-JP',
    size => `Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n${filled('\x1b$B!!\x1b(B', size)}`,
  ],
  ['single letters', size => `\r\n${filled('v i @ g r 4 ', size)}`],
  ['dressed-up words', size => `\r\n${filled('v1agra p@yp4l acc0unt ', size)}`],
  ['words of phrases', size => `\r\n${filled('your account your account has ', size)}`],
  ['Chinese', size => `Content-Type: text/plain; charset=utf-8\r\n\r\n${filled('\xe4\xbb\xa3\xe5\xbc\x80', size)}`],
  ['drawn words', size => `\r\n${filled('qzvkxwtjpl bnmqwrtz ', size)}`],
  ['links', size => `\r\n${numbered(n => `http://h${n}.example/${n}\r\n`, size)}`],
  ['fields, as many as may come in', size => `${numbered(n => `X-${n}: a\r\n`, Math.min(size, MOST_HEADER))}\r\nx`],
]

function numbered(line: (n: number) => string, size: number): string {
  const lines: string[] = []
  for (let n = 0, length = 0; length < size; n++) {
    lines.push(line(n))
    length += lines.at(-1)!.length
  }
  return lines.join('')
}

function deep(size: number): string {
  const pieces: string[] = []
  for (let i = 0, length = 0; length < size; i++) {
    const piece = `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`
    pieces.push(piece)
    length += piece.length
  }
  return pieces.join('')
}

/** The longest that nothing else had its turn on this thread while `work` ran: of its processor time, since that of the clock is others' too. */
async function held(work: () => Promise<unknown>): Promise<number> {
  let [last, worst, over] = [threadMs(), 0, false]
  const note = () => {
    const now = threadMs()
    worst = Math.max(worst, now - last)
    last = now
  }
  const turn = () => {
    note()
    if (!over) setImmediate(turn)
  }
  setImmediate(turn)
  await work()
  over = true
  note()
  return worst
}

/** Processor time of the main thread, from Linux; elsewhere the clock. */
function threadMs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
  } catch {
    return performance.now()
  }
}

async function large(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'posthouse-bench-text-'))
  const opening = Site.open({ folder, plugins: pluginsOf('content')! })
  // Interrupted while it opens, it goes on writing: the folder goes when it is closed.
  ends.push(async () => {
    await opening.then(site => site.close()).catch(() => undefined)
    // What is kept of the configuration may be on its way to the disk.
    await rm(folder, { recursive: true, force: true, maxRetries: 10 })
  })
  const site = await opening
  console.log(
    '\nlarge and hostile, ms              128 KB: read   judged: CPU, held   25 MB: read, held   judged, held   said',
  )
  for (const [what, make] of HOSTILE) {
    const small = Buffer.from(make(SMALL), 'latin1')
    readMessage(small)
    const readMs = await cpuOf(async () => readMessage(small))
    const mail = viewOf(small, 'full')
    await site.judge(mail)
    let smallHeld = 0
    const judgedMs = await cpuOf(async () => {
      smallHeld = await held(() => site.judge(mail))
    })
    const bytes = Buffer.from(make(LARGE), 'latin1')
    const message = messageOf(bytes)
    const [took, heldMs] = await timedAndHeld(() => message.text())
    const [judged, judgedHeld] = await timedAndHeld(() => site.judge({ ...mail, octets: bytes }))
    const said = (await message.text()).broken.join('; ')
    const figures = [readMs, judgedMs, smallHeld, took, heldMs, judged, judgedHeld]
    console.log(
      `${what.padEnd(32)}${figures.map(ms => ms.toFixed(ms < 10 ? 1 : 0).padStart(10)).join('')}   ${said.slice(0, 60)}`,
    )
  }
}

async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  return cpuMs(process.cpuUsage(before))
}

async function timedAndHeld(work: () => Promise<unknown>): Promise<readonly [number, number]> {
  const start = performance.now()
  const heldMs = await held(work)
  return [performance.now() - start, heldMs]
}

runToTheEnd(async () => {
  const { values, positionals: folders } = parseOptions({
    options: { help: { type: 'boolean' } },
    allowPositionals: true,
  })
  if (values.help === true) return void process.stdout.write(HELP)
  for (const folder of folders)
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
      throw new Wrong(`there is no folder ${folder}`)
  if (folders.length > 0) {
    const mails = mailIn(folders)
    await costs(mails)
    await differences(mails)
  }
  await large()
})
