/**
 * SEARCH, SORT and THREAD on the MIME suites and the sample of mail, here and in Debian's Dovecot (2.3, which must be installed, and be started by root).
 * What differs is in a table, with its reason: a number of messages for each side, so that nothing changes unnoticed.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { noDovecot } from '../../../bench/peers/dovecot.js'
import { dataDir } from '../../harness/data.js'
import { runProgram } from '../../harness/programs.js'
import { program, sharedDir } from '../../harness/shared.js'
import { lettersIn, Pair } from './beside-dovecot.js'

const shared = sharedDir()
const mime = dataDir('mime')
const skip =
  noDovecot() ?? (shared === undefined || mime === undefined ? 'no shared data' : ((await otherVersion()) ?? false))

async function otherVersion(): Promise<string | undefined> {
  const { stdout } = await runProgram(program('dovecot')!, ['--version'])
  return stdout.startsWith('2.3.') ? undefined : `Dovecot is ${stdout.trim()}, and the table is of 2.3`
}

let pair: Pair

before(async () => {
  if (skip === false) pair = await Pair.start([...lettersIn(mime!), ...lettersIn(join(shared!, 'data', 'mail-sample'))])
})
after(() => pair?.end())

const SAME = [
  'ALL',
  'UNSEEN',
  'KEYWORD x',
  'UID 5:10',
  '1:3',
  'SUBJECT test',
  'FROM john',
  'TO list',
  'CC a',
  'BCC ""',
  'TO ""',
  'CC ""',
  'HEADER Subject ""',
  'HEADER Message-ID @',
  'HEADER Received by',
  'HEADER Content-Type charset',
  'HEADER X-Mailer ""',
  'HEADER List-Id ""',
  'HEADER Date 2003',
  'HEADER Mime-Version 1.0',
  'SENTON 1-Jan-2003',
  'SENTSINCE 1-Jan-2020',
  'BEFORE 1-Jan-2002',
  'SINCE 1-Jan-2004',
  'ON 5-Jan-2002',
  'LARGER 10000',
  'SMALLER 500',
  'LARGER 3000 SMALLER 3100',
  'OR FROM john SUBJECT test',
  'TEXT caf',
  'TEXT .pdf',
  'BODY nbsp',
  'TEXT "dear sir"',
  'TEXT multipart/report',
  'TEXT привет',
  'SUBJECT 日本',
  'SUBJECT の',
  'SUBJECT ü',
  'FROM ü',
  'TEXT 한국',
  'SUBJECT 中',
  'TEXT Ⅷ',
  'SUBJECT café',
  'TEXT İ',
  'TEXT ğ',
  'TEXT ő',
] as const

/** Why, by kind. */
const WHY = {
  inner: 'BODY looks into headers of messages inside and into reports as well (RFC 3501 §6.4.4: the body)',
  broken: 'of parts that are broken or in an encoding nobody may use there, what can be read is read',
  depth: 'neither lines in a header that are no fields, nor messages nested a hundred deep, are searched',
  boundary: 'spaces at the end of a boundary are none of it (RFC 2046 §5.1.1), so that other parts are seen',
  charset: 'text whose charset is not told, unknown or a lie is read by a good guess',
  language: 'encoded words may name a language (RFC 2231 §5)',
  empty: 'an encoded word that cannot be read stays as it is written',
  date: 'a message without a Date that can be read was sent on no day; Dovecot takes one',
  address: 'compared is what stands in the field, too; Dovecot has words of its own for what is missing',
} as const

const DIFFERENT: readonly (readonly [key: string, ours: number, theirs: number, ...why: (keyof typeof WHY)[]])[] = [
  ['TEXT mime', 5, 0, 'broken'],
  ['NOT TEXT mime', 0, 5, 'broken'],
  ['TEXT hello', 0, 1, 'depth'],
  ['BODY hello', 4, 0, 'inner'],
  ['TEXT "the "', 20, 5, 'broken', 'depth'],
  ['BODY the', 36, 2, 'inner', 'broken', 'boundary'],
  ['TEXT .com', 4, 0, 'broken'],
  ['BODY http://', 12, 0, 'inner', 'broken'],
  ['TEXT boundary', 5, 0, 'broken'],
  ['BODY boundary', 77, 2, 'inner', 'boundary'],
  ['BODY content-transfer-encoding', 241, 0, 'inner'],
  ['TEXT content-transfer-encoding', 11, 0, 'broken'],
  ['BODY image/png', 2, 0, 'inner'],
  ['TEXT attachment', 2, 0, 'broken'],
  ['BODY href', 5, 0, 'broken'],
  ['TEXT invoice', 1, 0, 'broken'],
  ['SUBJECT re', 1, 0, 'language'],
  ['SUBJECT =?', 1, 0, 'empty'],
  ['FROM @', 0, 4, 'address'],
  ['FROM .com>', 2, 0, 'address'],
  ['SENTBEFORE 1-Jan-2003', 0, 370, 'date'],
  ['SENTBEFORE 1-Jan-1998', 0, 371, 'date'],
  ['SENTSINCE 1-Jan-2003', 3, 0, 'date'],
  ['TEXT ü', 13, 0, 'charset'],
  ['BODY ü', 13, 0, 'charset'],
  ['TEXT é', 10, 1, 'charset'],
  ['BODY é', 8, 1, 'charset'],
  ['SUBJECT é', 3, 0, 'charset'],
  ['FROM é', 3, 0, 'charset'],
  ['TEXT ß', 10, 0, 'charset'],
  ['BODY 日本', 4, 0, 'inner'],
  ['TEXT の', 13, 0, 'charset'],
  ['BODY の', 21, 0, 'inner', 'charset'],
  ['TEXT 中', 2, 0, 'charset'],
  ['TEXT CAFÉ', 1, 0, 'charset'],
  ['TEXT Straße', 2, 0, 'charset'],
  ['TEXT ｱ', 7, 0, 'charset'],
]

for (const key of SAME) compare(key, 0, 0)
for (const [key, ours, theirs, ...why] of DIFFERENT) compare(key, ours, theirs, why.map(one => WHY[one]).join('; '))

for (const [by, moved, why] of [
  ['ARRIVAL', 0, ''],
  ['TO', 0, ''],
  ['CC', 0, ''],
  ['DATE', 5, 'dates that only one of the two can read'],
  ['SUBJECT', 13, `${WHY.charset}; ${WHY.language}`],
  ['FROM', 43, 'of `MAILER-DAEMON <>` the address is empty here'],
  ['SIZE', 11, 'messages of one size stand by their numbers (RFC 5256 §3); there they do not'],
] as const) {
  test(`SORT (${by}) sorts as Dovecot does${why && `, but for ${moved} messages: ${why}`}`, { skip }, async () => {
    const [here, there] = (await pair.ask(`UID SORT (${by}) UTF-8 ALL`)).map(uidsIn)
    assert.deepEqual([...here!].sort(), [...there!].sort())
    assert.equal(here!.length - inOrder(here!, there!), moved)
  })
}

for (const [algorithm, ours, theirs] of [
  ['ORDEREDSUBJECT', 4, 6],
  ['REFERENCES', 3, 5],
] as const) {
  const why = 'base subjects whose charset is not told; and the steps of RFC 5256 §3 (5) in their order'
  test(`THREAD ${algorithm} threads as Dovecot does, but for some: ${why}`, { skip }, async () => {
    const [here, there] = (await pair.ask(`UID THREAD ${algorithm} UTF-8 ALL`)).map(threadsIn)
    assert.deepEqual(
      [here!.filter(one => !there!.includes(one)).length, there!.filter(one => !here!.includes(one)).length],
      [ours, theirs],
    )
  })
}

/** How many can stay where they are when one order is made the other. */
function inOrder(here: readonly number[], there: readonly number[]): number {
  const places = new Map(there.map((uid, place) => [uid, place]))
  // The smallest last place of a row of every length.
  const last: number[] = []
  for (const uid of here) {
    const place = places.get(uid)!
    const length = last.findIndex(one => one >= place)
    last[length < 0 ? last.length : length] = place
  }
  return last.length
}

/** The outermost. */
function threadsIn(line: string): string[] {
  const threads: string[] = []
  let [depth, start] = [0, 0]
  for (let at = 0; at < line.length; at++) {
    if (line[at] === '(' && depth++ === 0) start = at
    if (line[at] === ')' && --depth === 0) threads.push(line.slice(start, at + 1))
  }
  return threads
}

function compare(key: string, ours: number, theirs: number, why = ''): void {
  const title = `SEARCH ${key} finds what Dovecot finds${why && `, but for ${ours} only here and ${theirs} only there: ${why}`}`
  test(title, { skip }, async () => {
    const [here, there] = (await pair.ask(`UID SEARCH CHARSET UTF-8 ${literals(key)}`)).map(uidsIn)
    const [onlyHere, onlyThere] = [
      here!.filter(uid => !there!.includes(uid)),
      there!.filter(uid => !here!.includes(uid)),
    ]
    assert.deepEqual(
      [onlyHere.length, onlyThere.length],
      [ours, theirs],
      `${pair.names(onlyHere)} | ${pair.names(onlyThere)}`,
    )
  })
}

/** What is more than ASCII goes in literals. */
function literals(key: string): string {
  return key.replace(/\S*[^\x00-\x7f]\S*/g, text => {
    const octets = Buffer.from(text)
    return `{${octets.length}+}\r\n${octets.toString('latin1')}`
  })
}

function uidsIn(line: string): number[] {
  assert.match(line, /^\* (?:SEARCH|SORT)/)
  return line.split(' ').slice(2).map(Number)
}
