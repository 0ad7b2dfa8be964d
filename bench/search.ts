/**
 * `npm run bench:search`: a mailbox of 100,000 messages, searched, sorted and threaded over IMAP: as it is found, without an index, and then with one.
 * For each command the wall time of the quickest of three, the CPU time of the process, and how long other sessions had to wait at most. Words are
 * distributed as in any language: few are in most messages, most in few. Progress goes to stderr, the table, or with `--json` the figures, to stdout.
 */
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Mailbox, NewMail } from '../core/api/index.js'
import { createLmdbStore, type LmdbStore } from '../plugins/store-lmdb/store.js'
import { type Client, startRig } from '../test/plugins/imap/rig.js'
import { commandLine } from './lib/command-line.js'
import { ends, runToTheEnd } from './lib/ends.js'
import { countOf } from './lib/options.js'

const { given: MESSAGES, values } = commandLine({
  help: 'npm run bench:search [-- MESSAGES] [--json]     of a mailbox of so many (100000); the figures as JSON\n',
  options: { json: { type: 'boolean' } },
  read: word => countOf('messages', 1, 1_000_000)(word ?? '100000'),
})
const SIZE = 4096
const ROUNDS = 3
const VOCABULARY = 60_000
/** One message in so many holds the word that is rare. */
const RARE_EVERY = 10_000

const COMMANDS: readonly (readonly [what: string, command: string])[] = [
  ['TEXT, a rare word', 'SEARCH RETURN (COUNT) TEXT quixotic'],
  ['TEXT, a common word', 'SEARCH RETURN (COUNT) TEXT zeru'],
  ['TEXT, a word in all', 'SEARCH RETURN (COUNT) TEXT bench'],
  ['TEXT, in none', 'SEARCH RETURN (COUNT) TEXT nowhere-to-be-found'],
  ['TEXT, two letters', 'SEARCH RETURN (COUNT) TEXT qu'],
  ['TEXT, words in a row', 'SEARCH RETURN (COUNT) TEXT "so quixotic a"'],
  ['BODY, a rare word', 'SEARCH RETURN (COUNT) BODY quixotic'],
  ['BODY, a rare word that is not seen', 'SEARCH RETURN (COUNT) UNSEEN NOT BODY quixotic'],
  ['FROM', 'SEARCH RETURN (COUNT) FROM "sender 77 <"'],
  ['SUBJECT', 'SEARCH RETURN (COUNT) SUBJECT "about 4"'],
  ['HEADER Message-ID', 'SEARCH RETURN (COUNT) HEADER Message-ID <4711@bench.test>'],
  ['HEADER of few', 'SEARCH RETURN (COUNT) HEADER X-Rare ""'],
  ['SENTSINCE', 'SEARCH RETURN (COUNT) SENTSINCE 10-Jan-2024'],
  ['SINCE LARGER', 'SEARCH RETURN (COUNT) SINCE 10-Jan-2024 LARGER 4200'],
  ['SORT (ARRIVAL)', 'SORT RETURN (MIN) (ARRIVAL) UTF-8 ALL'],
  ['SORT (REVERSE DATE)', 'SORT RETURN (MIN) (REVERSE DATE) UTF-8 ALL'],
  ['SORT (SUBJECT)', 'SORT RETURN (MIN) (SUBJECT) UTF-8 ALL'],
  ['SORT (FROM DATE)', 'SORT RETURN (MIN) (FROM DATE) UTF-8 ALL'],
  ['THREAD=ORDEREDSUBJECT', 'THREAD ORDEREDSUBJECT UTF-8 ALL'],
  ['THREAD=REFERENCES', 'THREAD REFERENCES UTF-8 ALL'],
]

const say = (text: string): void => void process.stderr.write(`${text}\n`)

/** A linear congruence is random enough for words, and the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const SYLLABLES = [
  'ba',
  'zeru',
  'li',
  'mon',
  'ta',
  'ker',
  'os',
  'vin',
  'du',
  'fra',
  'ni',
  'gol',
  'sem',
  'pa',
  'tir',
  'u',
]

/** The words of the language, the most used first. */
function vocabulary(): readonly string[] {
  const random = randomOf(7)
  return Array.from({ length: VOCABULARY }, (_, rank) => {
    const syllables = 1 + Math.floor(Math.log2(rank + 2) / 4 + 1.5 * random())
    return Array.from({ length: syllables }, () => SYLLABLES[Math.floor(random() * SYLLABLES.length)]).join('')
  })
}

const WORDS = vocabulary()

function mailOf(number: number): NewMail {
  const random = randomOf(number)
  const word = (): string => WORDS[Math.floor(Math.exp(random() * Math.log(VOCABULARY))) % VOCABULARY]!
  const date = new Date(Date.UTC(2024, 0, 1) + ((number * 7919) % MESSAGES) * 60_000)
  const answered = number % 3 === 0 ? undefined : Math.max(1, number - (number % 7))
  const lines = [
    `Received: from mail${number % 50}.bench.test by mx.bench.test with ESMTPS id ${Math.floor(random() * 2 ** 32).toString(36)}`,
    `Date: ${date.toUTCString().replace('GMT', '+0000')}`,
    `From: Sender ${number % 1000} <s${number % 1000}@bench.test>`,
    'To: ann@bench.test',
    `Message-ID: <${number}@bench.test>`,
    ...(answered === undefined ? [] : [`References: <${answered}@bench.test>`]),
    ...(number % RARE_EVERY === 1 ? ['X-Rare: yes'] : []),
    `Subject: ${number % 2 === 0 ? 'Re: ' : ''}about ${number % 20_000} ${word()} ${word()}`,
    'Content-Type: text/plain; charset=utf-8',
    '',
  ]
  if (number % RARE_EVERY === 0) lines.push('so quixotic a word')
  let length = lines.join('\r\n').length
  while (length < SIZE) {
    const line = Array.from({ length: 10 }, word).join(' ')
    lines.push(line)
    length += line.length + 2
  }
  return { body: { kind: 'memory', bytes: Buffer.from(lines.join('\r\n')) }, flags: [], date: date.getTime() }
}

async function fill(mailbox: Mailbox): Promise<void> {
  for (let at = 1; at <= MESSAGES; at += 500)
    await mailbox.append(Array.from({ length: Math.min(500, MESSAGES + 1 - at) }, (_, i) => mailOf(at + i)))
}

interface Figure {
  readonly what: string
  readonly ms: number
  readonly cpuMs: number
  /** How long a timer of another session was late at most. */
  readonly heldMs: number
  readonly answer: string
}

async function measure(client: Client, what: string, command: string, rounds: number): Promise<Figure> {
  let best: Figure | undefined
  for (let round = 0; round < rounds; round++) {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const [cpu, began] = [process.cpuUsage(), performance.now()]
    const lines = await client.ok(command, 30 * 60_000)
    const ms = performance.now() - began
    const { user, system } = process.cpuUsage(cpu)
    delay.disable()
    const answer = (lines[0] ?? '').replace(/TAG "[^"]*"/, 'TAG').slice(0, 60)
    const figure = { what, ms, cpuMs: (user + system) / 1000, heldMs: delay.max / 1e6, answer }
    if (best === undefined || ms < best.ms) best = figure
  }
  say(
    `${what}: ${best!.ms.toFixed(0)} ms, CPU ${best!.cpuMs.toFixed(0)} ms, held ${best!.heldMs.toFixed(0)} ms, ${best!.answer}`,
  )
  return best!
}

function indexBytes(store: LmdbStore): number {
  const { databases, pageBytes } = store.stats()
  return databases.filter(({ name }) => name.startsWith('index')).reduce((sum, { pages }) => sum + pages * pageBytes, 0)
}

runToTheEnd(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthouse-search-'))
  ends.push(() => rm(folder, { recursive: true, force: true }))
  const store = createLmdbStore({ path: join(folder, 'mail'), mapBytes: 16 * 2 ** 30 })
  const rig = await startRig({ store, config: { search_timeout: '30m' } })
  ends.push(() => rig.end())
  const { id } = (await store.mail.find('id-ann', 'INBOX'))!
  say(`putting ${MESSAGES} messages of ${SIZE} octets into a mailbox`)
  await fill(await store.mail.open('id-ann', id))
  const client = await rig.client('ann')
  await client.ok('SELECT INBOX')
  const first = await measure(client, 'the first search, which makes the index', COMMANDS[0]![1], 1)
  const figures = [first]
  for (const [what, command] of COMMANDS) figures.push(await measure(client, what, command, ROUNDS))
  const perMessage = indexBytes(store) / MESSAGES
  if (values.json === true)
    process.stdout.write(`${JSON.stringify({ messages: MESSAGES, size: SIZE, perMessage, figures })}\n`)
  else {
    for (const { what, ms, cpuMs, heldMs } of figures)
      process.stdout.write(
        `${what.padEnd(42)} ${ms.toFixed(0).padStart(7)} ms  CPU ${cpuMs.toFixed(0).padStart(7)} ms  held ${heldMs.toFixed(0).padStart(5)} ms\n`,
      )
    process.stdout.write(`index: ${perMessage.toFixed(0)} octets a message\n`)
  }
})
