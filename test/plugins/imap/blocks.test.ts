/**
 * The index over a mailbox: whatever stands in messages, and whatever is looked for, SEARCH answers the same with blocks as without. Texts and needles
 * are random, from signs that fold, combine, belong to no word or lie beyond U+FFFF.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Mailbox, MailStore, NewMail } from 'posthouse/api'
import { rememberingLog } from 'posthouse/testing'
import { blocksOf } from '../../../plugins/imap/blocks/building.js'
import { rebuildBlocks } from '../../../plugins/imap/blocks/rebuilding.js'
import { needleOf } from '../../../plugins/imap/blocks/words.js'
import { Gate } from '../../../plugins/imap/gate.js'
import { Keeper } from '../../../plugins/imap/keeper.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { randomOf } from './model/world.js'
import { type Client, type Rig, startRig } from './rig.js'

const MESSAGES = 300
/** Of this mailbox nothing is indexed: it has too few messages. */
const FEW = 150
const SIGNS = [
  ...'aAbBßẞéÄİıσς中文🎉🎊K0１한_-. \n',
  'e\u0301',
  '\u0301',
  'ﬁ',
  'ᄒ',
  '\ufffd',
  '\u200b',
  'ab',
  'Ab',
  'a b',
]

const random = randomOf(20_261_122)
const below = (most: number): number => random() % most
const textOf = (most: number): string =>
  Array.from({ length: 1 + below(most) }, () => SIGNS[below(SIGNS.length)]!).join('')
const encoded = (text: string): string => `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`
const octets = (text: string): string => Buffer.from(text).toString('latin1')

interface Made {
  readonly from: string
  readonly subject: string
  readonly body: string
  readonly mail: Buffer
}

function made(number: number): Made {
  const [from, subject, body] = [textOf(4), textOf(8), textOf(40)]
  const [day, answer] = [1 + (number % 28), number % 5 === 0 ? `X-Odd: ${encoded(textOf(3))}\r\n` : '']
  const about = `Message-ID: <${number}@a.test>\r\nReferences: <${below(number + 9)}@a.test>\r\nTo: t${number % 3}@a.test\r\n`
  const header = `${about}Date: ${day} Jan 2024 10:00:00 +0000\r\nFrom: ${encoded(from)} <n${number % 7}@a.test>\r\n${answer}Subject: ${encoded(subject)}\r\n`
  const type = 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n'
  const mail = Buffer.from(`${header}${type}\r\n${Buffer.from(body).toString('base64')}\r\n`)
  return { from, subject, body, mail }
}

const MAILS = Array.from({ length: MESSAGES }, (_, number) => made(number))

let rig: Rig
let ann: Client
let whole: Mailbox

async function fill(name: string, mails: readonly Made[]): Promise<Mailbox> {
  const known = (await rig.store.mail.find('id-ann', name)) ?? (await rig.store.mail.create('id-ann', name))
  const mailbox = await rig.store.mail.open('id-ann', known.id)
  await mailbox.append(mails.map(({ mail }) => ({ body: { kind: 'memory', bytes: mail }, flags: [], date: 0 })))
  return mailbox
}

before(async () => {
  rig = await startRig()
  ann = await rig.client('ann')
  whole = await fill('Whole', MAILS)
  await fill('One', MAILS.slice(0, FEW))
  await fill('Two', MAILS.slice(FEW))
})
after(() => rig.end())

async function found(mailbox: string, key: string): Promise<number[]> {
  await ann.ok(`EXAMINE ${mailbox}`)
  const [line = ''] = await ann.ok(`UID SEARCH ${key}`)
  return line.split(' ').slice(2).map(Number)
}

async function same(key: string): Promise<void> {
  const [one, two] = [await found('One', key), await found('Two', key)]
  assert.deepEqual(await found('Whole', key), [...one, ...two.map(uid => uid + FEW)], key)
}

const literal = (text: string): string => `{${octets(text).length}+}\r\n${octets(text)}`

/** Cut out of a message, or of none. */
function needle(): string {
  const { from, subject, body } = MAILS[below(MESSAGES)]!
  const text = [from, subject, body, textOf(6)][below(4)]!
  const signs = [...text]
  const start = below(signs.length)
  return signs.slice(start, start + 1 + below(5)).join('')
}

test('a search finds with an index what it finds without, whatever it looks for', async () => {
  await found('Whole', 'TEXT something')
  assert.equal((await whole.index.heads()).length, 1)
  for (let round = 0; round < 250; round++) {
    const [one, other] = [literal(needle()), literal(needle())]
    const keys = [
      `TEXT ${one}`,
      `BODY ${one}`,
      `SUBJECT ${one}`,
      `FROM ${one}`,
      `HEADER X-Odd ${one}`,
      `NOT TEXT ${one}`,
      `OR BODY ${one} NOT SUBJECT ${other}`,
      `SENTSINCE ${1 + below(28)}-Jan-2024 NOT BODY ${one}`,
    ]
    await same(keys[round % keys.length]!)
  }
})

for (const key of [
  'TEXT ""',
  'BODY ""',
  'SUBJECT ""',
  'HEADER X-Odd ""',
  'HEADER X-None ""',
  'BCC ""',
  'FROM n3@a.t',
  'FROM "<n3@a"',
])
  test(`SEARCH ${key} finds the same with an index`, async () => same(key))

for (const key of [
  'SENTON 3-Jan-2024',
  'SENTBEFORE 3-Jan-2024',
  'LARGER 200',
  'SMALLER 250',
  'BEFORE 2-Jan-1970',
  'NOT ON 1-Jan-1970',
])
  test(`SEARCH ${key} finds the same with an index`, async () => same(key))

for (const criteria of ['ARRIVAL', 'REVERSE DATE', 'SUBJECT', 'REVERSE FROM DATE', 'SIZE SUBJECT', 'TO CC'])
  test(`SORT (${criteria}) answers the same with an index`, async () => {
    const sort = async (): Promise<string> => {
      await ann.ok('EXAMINE Whole')
      return (await ann.ok(`UID SORT (${criteria}) UTF-8 ALL`)).join()
    }
    const indexed = await sort()
    assert.equal((await whole.index.heads()).length, 1)
    await whole.index.remove((await whole.index.heads()).map(({ block }) => block))
    assert.equal(await sort(), indexed)
    await found('Whole', 'TEXT something')
  })

for (const algorithm of ['ORDEREDSUBJECT', 'REFERENCES'])
  test(`THREAD ${algorithm} answers the same with an index`, async () => {
    const thread = async (): Promise<string> => {
      await ann.ok('EXAMINE Whole')
      return (await ann.ok(`UID THREAD ${algorithm} UTF-8 ALL`)).join()
    }
    const indexed = await thread()
    assert.equal((await whole.index.heads()).length, 1)
    await whole.index.remove((await whole.index.heads()).map(({ block }) => block))
    assert.equal(await thread(), indexed)
    await found('Whole', 'TEXT something')
  })

test('what is removed is not found, and what comes is', async () => {
  const uid = MAILS.findIndex(({ body }) => needleOf(body.toUpperCase()).exact) + 1
  assert.notEqual(uid, 0)
  const key = `BODY ${literal(MAILS[uid - 1]!.body)}`
  assert.ok((await found('Whole', key)).includes(uid))
  const { id } = (await rig.store.mail.find('id-ann', 'Two'))!
  const [[, moved] = []] = await whole.move([uid], id)
  assert.ok(!(await found('Whole', key)).includes(uid))
  assert.ok((await found('Two', key)).includes(moved!))
  const [back] = (await (await rig.store.mail.open('id-ann', id)).move([moved!], whole.id)).map(([, to]) => to)
  assert.ok((await found('Whole', key)).includes(back!))
})

test('an index of another version is made anew', async () => {
  const [head] = await whole.index.heads()
  await whole.index.replace([head!.block], { block: head!.block, head: Buffer.from([0]), parts: new Map() })
  await same('BODY ab')
  assert.deepEqual((await whole.index.heads()).length, 1)
  assert.notDeepEqual((await whole.index.heads())[0]!.head, Buffer.from([0]))
})

test('a block whose parts are gone, or are those of another, hides nothing', async () => {
  const [head] = await whole.index.heads()
  await whole.index.replace([head!.block], { ...head!, parts: new Map([[0, Buffer.from('\0\0\0\0\nNOTHING\n')]]) })
  await same('BODY ab')
  await same('SUBJECT b')
  await same('SENTON 3-Jan-2024')
})

const mails = (count: number) =>
  Array.from({ length: count }, (_, number) => ({
    body: { kind: 'memory', bytes: Buffer.from(`Subject: ${number}\r\n\r\nword${number}\r\n`) },
    flags: [],
    date: 0,
  })) satisfies readonly NewMail[]

const blocksIn = async (box: Mailbox): Promise<string[]> =>
  (await blocksOf(box)).map(({ last, uids }) => `${last}: ${uids[0] ?? ''}-${uids.at(-1) ?? ''} ${uids.length}`)

test('an index can be made anew at any time: damage in it is gone, and it ends where nothing can be kept', async () => {
  const { mail } = createMemoryStore()
  const box = await mail.open('ann', (await mail.create('ann', 'Much')).id)
  const texts = Array.from({ length: 600 }, (_, at) => `Subject: s\r\n\r\nword${at}\r\n`)
  await box.append(texts.map(text => ({ body: { kind: 'memory', bytes: Buffer.from(text) }, flags: [], date: 0 })))
  await box.index.add({ block: 600, head: Buffer.from('nonsense'), parts: new Map([[1, Buffer.from('x')]]) }, 0)
  const gate = new Gate(1)
  const never = new AbortController().signal
  for (const _ of [1, 2]) {
    assert.equal(await rebuildBlocks(box, gate, 10_000, never), 512)
    assert.deepEqual((await blocksOf(box)).map(({ last }) => last), [256, 512]) // biome-ignore format: short
  }
  assert.equal(await rebuildBlocks(box, gate, 10_000, AbortSignal.abort()), 0)
  assert.deepEqual(await box.index.heads(), [])
  const add = box.index.add
  box.index.add = async () => false
  assert.equal(await rebuildBlocks(box, gate, 10_000, never), 0, 'ends when nothing can be kept')
  box.index.add = add
})

async function withKeeper(work: (keeper: Keeper, box: Mailbox, opened: string[]) => Promise<void>): Promise<void> {
  const store = createMemoryStore()
  const opened: string[] = []
  const open = store.mail.open.bind(store.mail)
  store.mail.open = async (accountId, id) => {
    const box = await open(accountId, id)
    const snapshot = box.snapshot.bind(box)
    box.snapshot = () => {
      opened.push(id)
      return snapshot()
    }
    return box
  }
  const keeper = new Keeper(store.mail, new Gate(1), rememberingLog([]), 8 * 1024 * 1024, () => 0)
  keeper.start()
  try {
    const inbox = (await store.mail.find('ann', 'INBOX'))!
    await work(keeper, await store.mail.open('ann', inbox.id), opened)
  } finally {
    await keeper.stop()
  }
}

async function kept(keeper: Keeper): Promise<void> {
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  await keeper.settled()
}

test('what arrives is indexed in the background, in whole blocks', () =>
  withKeeper(async (keeper, box) => {
    await box.append(mails(600))
    await kept(keeper)
    assert.deepEqual(await blocksIn(box), ['256: 1-256 256', '512: 257-512 256'])
    await box.expunge([513, 514])
    await box.append(mails(200))
    await kept(keeper)
    assert.deepEqual(await blocksIn(box), ['256: 1-256 256', '512: 257-512 256', '770: 515-770 256'])
  }))

/** The same, with something else in some places. */
function instead<T extends object>(whole: T, places: Partial<T>): T {
  return new Proxy(whole, {
    get(_, name) {
      if (name in places) return Reflect.get(places, name)
      const value: unknown = Reflect.get(whole, name)
      return typeof value === 'function' ? value.bind(whole) : value
    },
  })
}

test('mail of several processes is looked into after a rest, by one of them', async () => {
  const store = createMemoryStore()
  const inbox = (await store.mail.find('ann', 'INBOX'))!
  const box = await store.mail.open('ann', inbox.id)
  const made = { first: 0, second: 0 }
  const mailFor = (who: keyof typeof made, opened: () => Promise<void>): MailStore =>
    instead(store.mail, {
      open: async (accountId, id) => {
        await opened()
        const mailbox = await store.mail.open(accountId, id)
        const { index } = mailbox
        const add: typeof index.add = (block, after) => {
          made[who] += 1
          return index.add(block, after)
        }
        return instead(mailbox, { index: instead(index, { add }) })
      },
    })
  const keeper = (mail: MailStore, restMs: number) =>
    new Keeper(mail, new Gate(1), rememberingLog([]), 8 * 1024 * 1024, () => restMs)
  const first = keeper(
    mailFor('first', async () => undefined),
    500,
  )
  // The other process comes to it when the first one has done it.
  const second = keeper(
    mailFor('second', () => first.settled()),
    0,
  )
  first.start()
  second.start()
  try {
    await box.append(mails(300))
    await sleep(50)
    await box.append(mails(300))
    await kept(second)
    assert.deepEqual(await blocksIn(box), ['256: 1-256 256', '512: 257-512 256'])
    await box.append(mails(300))
    await kept(second)
    assert.equal((await blocksIn(box)).length, 3)
    assert.deepEqual(made, { first: 3, second: 0 })
  } finally {
    await Promise.all([first.stop(), second.stop()])
  }
})

test('what is left of blocks is gathered into one', () =>
  withKeeper(async (keeper, box) => {
    await box.append(mails(600))
    await kept(keeper)
    await box.expunge(Array.from({ length: 450 }, (_, index) => index + 1))
    keeper.tidy(box, [{ after: 0, blocks: [256, 512] }])
    await kept(keeper)
    assert.deepEqual(await blocksIn(box), ['512: 451-512 62'])
    await box.expunge(Array.from({ length: 62 }, (_, index) => index + 451))
    keeper.tidy(box, [{ after: 0, blocks: [512] }])
    await kept(keeper)
    assert.deepEqual(await blocksIn(box), ['512: - 0'])
  }))

test('after many changes at once the roll of the mailbox is read in the background, after few it is not', () =>
  withKeeper(async (keeper, box, opened) => {
    await box.append(mails(10))
    keeper.changes(box, 999)
    await kept(keeper)
    assert.deepEqual(opened, [])
    keeper.changes(box, 1000)
    await kept(keeper)
    assert.deepEqual(opened, [box.id])
  }))

test('a search in a mailbox of which much was removed has its index tidied up, and finds the same', async () => {
  const box = await fill('Thin', MAILS)
  await box.append(mails(600))
  assert.deepEqual(await found('Thin', 'BODY word77'), [378])
  await box.expunge(Array.from({ length: 700 }, (_, index) => index + 1))
  assert.deepEqual(await found('Thin', 'BODY word520'), [821])
  const until = Date.now() + 30_000
  while ((await blocksIn(box)).length > 1 && Date.now() < until) await sleep(10)
  assert.deepEqual(await blocksIn(box), ['768: 701-768 68'])
  assert.deepEqual(await found('Thin', 'BODY word520'), [821])
  assert.deepEqual(await found('Thin', 'BODY word500'), [801])
})

test('a search goes past messages that others have removed, of which the client has not heard yet', async () => {
  const box = await fill('Emptied', [])
  await box.append(mails(900))
  await ann.ok('SELECT Emptied')
  await box.expunge(Array.from({ length: 600 }, (_, index) => index + 1))
  assert.equal((await ann.ok('SEARCH BODY word777'))[0], '* SEARCH 778')
  assert.deepEqual(await blocksIn(box), [])
  await ann.ok('NOOP')
  assert.equal((await ann.ok('SEARCH BODY word777'))[0], '* SEARCH 178')
})

test('a message with more words than are kept is read', async () => {
  const words = Array.from({ length: 30_000 }, (_, index) => `w${index}x${index}`).join(' ')
  const box = await fill('Long', MAILS.slice(0, 255))
  const long = { body: { kind: 'memory', bytes: Buffer.from(`Subject: x\r\n\r\n${words}\r\n`) } } as const
  await box.append([{ ...long, flags: [], date: 0 }])
  for (const word of ['w1x1', 'w29999x29999']) {
    assert.deepEqual(await found('Long', `BODY ${word}`), [256])
    assert.ok(!(await found('Long', `NOT BODY ${word}`)).includes(256))
  }
  assert.equal((await box.index.heads()).length, 1)
})
