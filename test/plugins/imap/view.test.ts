/** The view tells a client nothing it may not hear, and what it tells always adds up to the mailbox. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Roll } from '../../../core/api/index.js'
import { type Update, View } from '../../../plugins/imap/view.js'
import { sameFlags } from '../../../plugins/imap/wire/flags.js'

let lastModseq = 1
/** As it has just become. */
const entry = (uid: number, ...flags: string[]) =>
  ({ uid, flags, modseq: ++lastModseq }) as unknown as Parameters<View['absorb']>[0]['changed'][number]
const changes = (changed: ReturnType<typeof entry>[], vanished: number[] = []) => ({
  changed,
  vanished,
  modseq: ++lastModseq,
})
const ALL = { expunge: true, modseq: false }
const NO_EXPUNGE = { expunge: false, modseq: false }
const tell = (view: View, may: Parameters<View['tell']>[0]): Update[] => [...view.tell(may)]
const three = () => new View(new Roll(1, [entry(3), entry(5, '\\Seen'), entry(9, 'foo')]))

test('sequence numbers are places among the UIDs', () => {
  const view = three()
  assert.deepEqual([view.sequenceOf(3), view.sequenceOf(9), view.sequenceOf(4)], [1, 3, undefined])
  assert.equal(view.firstUnseen(), 1)
  assert.deepEqual(view.knownFlags.slice(-1), ['foo'])
})

test('a removed message keeps its number until expunges may be told', () => {
  const view = three()
  view.absorb(changes([], [5]))
  assert.deepEqual(tell(view, NO_EXPUNGE), [])
  assert.equal(view.sequenceOf(9), 3)
  assert.deepEqual(tell(view, ALL), [{ kind: 'expunge', sequences: [2], uids: [5] }])
  assert.equal(view.sequenceOf(9), 2)
})

test('expunges are told from the end, so that every number is right when it is read', () => {
  const view = three()
  view.absorb(changes([], [3, 9]))
  assert.deepEqual(tell(view, ALL), [{ kind: 'expunge', sequences: [3, 1], uids: [3, 9] }])
})

test('a new message has no number before EXISTS is told', () => {
  const view = three()
  view.absorb(changes([entry(10, '\\Seen')]))
  assert.equal(view.sequenceOf(10), undefined)
  assert.deepEqual(view.byUid([[10, 10]]), [])
  assert.deepEqual(tell(view, NO_EXPUNGE), [{ kind: 'exists', count: 4 }])
  assert.equal(view.sequenceOf(10), 4)
})

test('a message that comes and goes untold is never told of', () => {
  const view = three()
  view.absorb(changes([entry(10)]))
  view.absorb(changes([], [10]))
  assert.deepEqual(tell(view, ALL), [])
})

test('flags are told when they differ from what the client knows, keywords before them', () => {
  const view = three()
  view.absorb(changes([entry(3, '\\Seen', 'Bar'), entry(5, '\\seen')]))
  const updates = tell(view, NO_EXPUNGE)
  assert.deepEqual(
    updates.map(update => update.kind),
    ['keywords', 'flags'],
  )
  const [, told] = updates
  assert.ok(told?.kind === 'flags')
  assert.deepEqual([told.sequence, told.message.uid, told.message.flags], [1, 3, ['\\Seen', 'Bar']])
  assert.deepEqual(tell(view, ALL), [])
})

test('flags the client was told in an answer are not told again', () => {
  const view = three()
  view.told(entry(3, '\\Deleted'), true)
  view.absorb(changes([entry(3, '\\Deleted')]))
  assert.deepEqual(tell(view, ALL), [])
  assert.deepEqual(view.withFlag('\\Deleted'), [3])
})

for (const [text, set, found] of [
  ['*', [['*', '*']], [9]],
  ['1:2', [[1, 2]], [3, 5]],
  ['3:1', [[3, 1]], [3, 5, 9]],
  ['4', [[4, 4]], { tooLarge: 4 }],
  ['1:9', [[1, 9]], { tooLarge: 9 }],
] as const) {
  test(`sequence set ${text} of three messages`, () => assert.deepEqual(three().bySequence(set), found))
}

test('uid sets pass over what does not exist, and * is the last message', () => {
  assert.deepEqual(three().byUid([[4, 6], [100, '*']]), [5, 9]) // biome-ignore format: short
})

test('1:* of an empty mailbox names nothing', () => {
  const view = new View(new Roll(1))
  assert.deepEqual(view.bySequence([[1, '*']]), [])
  assert.deepEqual(view.byUid([[1, '*']]), [])
  assert.deepEqual(view.bySequence([[1, 1]]), { tooLarge: 1 })
})

// ── MODSEQs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

test('who follows MODSEQs hears of one that moved though the flags are the same again', () => {
  const [view, follower] = [three(), three()]
  const moved = entry(5, '\\Seen')
  view.absorb(changes([moved]))
  follower.absorb(changes([moved]))
  assert.deepEqual(tell(view, ALL), [])
  assert.deepEqual(tell(follower, { expunge: true, modseq: true }), [
    { kind: 'flags', sequence: 2, message: { ...moved } },
  ])
})

test('a MODSEQ told with an answer is not told again, and an older one is no news', () => {
  const view = three()
  const [before, after] = [entry(5), entry(5, '\\Seen')]
  view.told(after, true)
  view.absorb(changes([before]))
  assert.deepEqual(view.flagsOf(5), ['\\Seen'])
  assert.deepEqual(tell(view, { expunge: true, modseq: true }), [])
})

test('while a removal waits, the client may keep only the MODSEQ from before it', () => {
  const entries = [entry(1), entry(2)]
  const view = new View(new Roll(++lastModseq, entries))
  const start = view.safeModseq
  view.absorb(changes([], [1]))
  tell(view, NO_EXPUNGE)
  assert.equal(view.safeModseq, start)
  view.absorb(changes([entry(2, 'x')]))
  tell(view, NO_EXPUNGE)
  assert.equal(view.safeModseq, start)
  tell(view, ALL)
  assert.equal(view.safeModseq, view.modseq)
})

test('what is not there any more is told by ranges, as far back as the client is not proven right', () => {
  const view = three()
  assert.deepEqual(view.absent([[1, 4], [6, 12]]), [[1, 2], [4, 4], [6, 8], [10, 12]]) // biome-ignore format: short
  assert.equal(view.lastMatch([[1, 3], [2, 5], [3, 8], [4, 9]]), 5) // biome-ignore format: short
  assert.equal(view.lastMatch([[1, 4]]), 0)
})

// ── the model: a mailbox, a client that believes what it is told ─────────────────────────────────────────────────────────

interface Believed {
  uids: (number | undefined)[]
  flags: Map<number, readonly string[]>
}

function believe(client: Believed, update: Update): void {
  switch (update.kind) {
    case 'expunge':
      for (const sequence of update.sequences) {
        assert.ok(sequence >= 1 && sequence <= client.uids.length, 'an expunge of nothing')
        const [uid] = client.uids.splice(sequence - 1, 1)
        assert.ok(uid === undefined || update.uids.includes(uid), 'an expunge of another message')
      }
      assert.equal(update.uids.length, update.sequences.length)
      break
    case 'exists':
      assert.ok(update.count >= client.uids.length, 'EXISTS never shrinks')
      while (client.uids.length < update.count) client.uids.push(undefined)
      break
    case 'flags':
      assert.ok(update.sequence <= client.uids.length)
      client.uids[update.sequence - 1] ??= update.message.uid
      assert.equal(
        client.uids[update.sequence - 1],
        update.message.uid,
        'a number names another message than the client thinks',
      )
      client.flags.set(update.message.uid, update.message.flags)
      break
    case 'keywords':
      break
  }
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), flags: fc.subarray(['\\Seen', 'a', 'b']) }),
  fc.record({ kind: fc.constant('remove' as const), which: fc.nat(20) }),
  fc.record({ kind: fc.constant('flag' as const), which: fc.nat(20), flags: fc.subarray(['\\Seen', 'a', 'b']) }),
  fc.record({ kind: fc.constant('tell' as const), expunge: fc.boolean(), modseq: fc.boolean() }),
)

test('whatever happens in whatever order, the client ends with the mailbox as it is', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const mailbox = new Map<number, readonly string[]>([[1, []], [2, ['a']]]) // biome-ignore format: short
      const view = new View(new Roll(1, [entry(1), entry(2, 'a')]))
      const client: Believed = { uids: [1, 2], flags: new Map(mailbox) }
      let uidNext = 3
      for (const one of steps) {
        const uids = [...mailbox.keys()]
        switch (one.kind) {
          case 'add':
            mailbox.set(uidNext, one.flags)
            view.absorb(changes([entry(uidNext++, ...one.flags)]))
            break
          case 'remove': {
            const uid = uids[one.which]
            if (uid === undefined) break
            mailbox.delete(uid)
            view.absorb(changes([], [uid]))
            break
          }
          case 'flag': {
            const uid = uids[one.which]
            if (uid === undefined) break
            mailbox.set(uid, one.flags)
            view.absorb(changes([entry(uid, ...one.flags)]))
            break
          }
          case 'tell': {
            const updates = tell(view, one)
            if (!one.expunge) assert.ok(updates.every(update => update.kind !== 'expunge'))
            for (const update of updates) believe(client, update)
            assert.equal(client.uids.length, view.count)
          }
        }
      }
      for (const update of tell(view, ALL)) believe(client, update)
      assert.deepEqual(view.uidsAt(0, view.count), [...mailbox.keys()])
      assert.equal(client.uids.length, mailbox.size)
      for (const [index, uid] of [...mailbox.keys()].entries()) {
        assert.ok([uid, undefined].includes(client.uids[index]))
        const known = client.flags.get(uid)
        if (known) assert.ok(sameFlags(known, mailbox.get(uid)!), 'the client holds flags that are no more')
      }
    }),
    { numRuns: 500 },
  )
})

test('messages with a flag are found however many different sets of flags there have been', () => {
  const view = new View(new Roll(1, [entry(1), entry(2, '\\Deleted'), entry(3)]))
  for (let i = 0; i < 12_000; i++) view.absorb(changes([entry(3, '\\Deleted', `k${i}`)]))
  assert.deepEqual(view.withFlag('\\Deleted'), [2, 3])
  assert.deepEqual(view.withFlag('k11999'), [3])
})
