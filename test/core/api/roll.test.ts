/** A roll is a list of messages by UID, whatever is done to it and however many share it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Roll, type RollLine, type RollPage } from '../../../core/api/index.js'

const line = (uid: number, modseq = 1, ...flags: string[]): RollLine => ({ uid, modseq, flags })
const many = (count: number, step = 1) =>
  Array.from({ length: count }, (_, at) => line(1 + at * step, at, ...(at % 3 === 0 ? ['\\Seen'] : [])))

function linesOf(roll: Roll): RollLine[] {
  return roll.uids().map((uid, index) => ({ uid, modseq: roll.modseqAt(index), flags: roll.flagsAt(index) }))
}

/** As it comes out of a store that keeps its pages. */
function readAgain(roll: Roll, store = new Map<number, RollPage>()): Roll {
  for (const page of roll.changedPages()) store.set(page.number, page)
  roll.kept()
  for (const number of store.keys()) if (!roll.pageNumbers.includes(number)) store.delete(number)
  const read = Roll.read(
    roll.modseq,
    [...store.values()].sort((a, b) => a.number - b.number),
  )
  assert.ok(read)
  return read
}

for (const count of [0, 1, 1023, 1024, 1025, 5000]) {
  test(`${count} messages are found by place and by UID, and again when they were written and read`, () => {
    const roll = new Roll(7, many(count, 2))
    for (const one of [roll, readAgain(roll)]) {
      assert.deepEqual([one.count, one.lastUid], [count, count === 0 ? 0 : 2 * count - 1])
      assert.deepEqual(linesOf(one), many(count, 2))
      for (const uid of [1, 2, 3, 1999, 2047, 2048, 2049, 10_000, 2 ** 32 - 1]) {
        const known = uid % 2 === 1 && uid < 2 * count
        assert.equal(one.indexOf(uid), known ? (uid - 1) / 2 : -1, `UID ${uid}`)
        assert.equal(one.lowerBound(uid), Math.min(count, Math.floor(uid / 2)), `UID ${uid}`)
      }
    }
  })
}

test('what is put is new behind the last message, or a change of one that is there; anything else is passed over', () => {
  const roll = new Roll(1, [line(3), line(5)])
  roll.put(line(4, 2))
  roll.put(line(5, 3, 'a'))
  roll.put(line(9, 4, 'b'))
  assert.deepEqual(linesOf(roll), [line(3), line(5, 3, 'a'), line(9, 4, 'b')])
})

test('places with certain flags are found by asking once for each set of flags', () => {
  const roll = new Roll(1, many(4000))
  let asked = 0
  const seen = [...roll.where(flags => ++asked > 0 && flags.includes('\\Seen'))]
  assert.deepEqual(
    seen,
    Array.from({ length: Math.ceil(4000 / 3) }, (_, at) => 3 * at),
  )
  assert.equal(asked, 2)
})

test('ever new sets of flags do not pile up', () => {
  const roll = new Roll(1, many(10))
  for (let at = 0; at < 20_000; at++) roll.put(line(5, at, `k${at}`))
  assert.ok(roll.flagSets().size <= 2048)
  assert.deepEqual([roll.flagsAt(4), roll.flagsAt(0), roll.flagsAt(1)], [['k19999'], ['\\Seen'], []])
  assert.equal(readAgain(roll).flagSets().size, 3)
})

test('only pages that have changed since they were kept are written again', () => {
  const roll = new Roll(1, many(5000))
  assert.deepEqual(roll.pageNumbers, [1, 2, 3, 4, 5])
  roll.kept()
  assert.deepEqual([...roll.changedPages()], [])
  roll.put(line(2000, 9, 'x'))
  roll.remove([4500])
  roll.put(line(6000, 9))
  assert.deepEqual(
    [...roll.changedPages()].map(({ number }) => number),
    [2, 5],
  )
})

test('pages that are cut off, mixed up or nonsense are no roll', () => {
  const pages = [...new Roll(1, many(3000)).changedPages()]
  const [first, second] = pages as [RollPage, RollPage, RollPage]
  const wrong = Buffer.from(second.octets)
  wrong.fill(0xff, 0, 8)
  const flags = Buffer.from(second.octets)
  flags.writeUInt16LE(999, 8 + 1024 * 12)
  for (const octets of [second.octets.subarray(0, 100), second.octets.subarray(0, 4), Buffer.alloc(0), wrong, flags])
    assert.equal(Roll.read(1, [first, { number: 2, octets }]), undefined)
  assert.equal(Roll.read(1, [second, first]), undefined)
})

type Step =
  | { readonly kind: 'add'; readonly gap: number; readonly flags: readonly string[] }
  | { readonly kind: 'change'; readonly uid: number; readonly flags: readonly string[] }
  | { readonly kind: 'remove'; readonly uids: readonly number[] }
  | { readonly kind: 'fork' }
  | { readonly kind: 'turn' }
  | { readonly kind: 'read' }

const flags = fc.subarray(['\\Seen', 'a', 'b'])
const uid = fc.integer({ min: 1, max: 6000 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), gap: fc.integer({ min: 1, max: 3 }), flags }),
  fc.record({ kind: fc.constant('change' as const), uid, flags }),
  fc.record({
    kind: fc.constant('remove' as const),
    uids: fc.oneof(
      fc.array(uid, { maxLength: 50 }),
      fc.tuple(uid, fc.nat(3000)).map(([from, more]) => Array.from({ length: more }, (_, at) => from + at)),
    ),
  }),
  fc.constantFrom({ kind: 'fork' } as const, { kind: 'turn' } as const, { kind: 'read' } as const),
)

/** A roll beside a plain map that should say the same. */
class Pair {
  roll: Roll
  readonly lines: Map<number, RollLine>
  /** Forks are not kept. */
  store: Map<number, RollPage> | undefined
  constructor(roll: Roll, lines: Map<number, RollLine>) {
    this.roll = roll
    this.lines = lines
  }

  do(step: Step, modseq: number): void {
    const { roll, lines } = this
    if (step.kind === 'add') {
      const added = line(roll.lastUid + step.gap, modseq, ...step.flags)
      roll.put(added)
      lines.set(added.uid, added)
    } else if (step.kind === 'change' && lines.has(step.uid)) {
      const changed = line(step.uid, modseq, ...step.flags)
      roll.put(changed)
      lines.set(step.uid, changed)
    } else if (step.kind === 'remove') {
      const uids = [...new Set(step.uids)].sort((a, b) => a - b)
      roll.remove(uids)
      for (const one of uids) lines.delete(one)
    } else if (step.kind === 'read' && this.store !== undefined) this.roll = readAgain(roll, this.store)
  }

  compare(): void {
    assert.equal(this.roll.count, this.lines.size)
    assert.deepEqual(linesOf(this.roll), [...this.lines.values()])
  }
}

test('rolls that share pages say what each has been told, and nothing of the others', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3500 }), fc.array(step, { maxLength: 40 }), (start, steps) => {
      const lines = many(start)
      const pairs = [new Pair(new Roll(1, lines), new Map(lines.map(one => [one.uid, one])))]
      pairs[0]!.store = new Map()
      for (const [at, one] of steps.entries()) {
        const pair = pairs[0]!
        if (one.kind === 'fork') pairs.push(new Pair(pair.roll.fork(), new Map(pair.lines)))
        else if (one.kind === 'turn') pairs.push(pairs.shift()!)
        else pair.do(one, at + 2)
        // Questions in between move what is remembered of the page looked at last.
        if (pair.roll.count > 0) pair.roll.uidAt((at * 997) % pair.roll.count)
      }
      for (const pair of pairs) pair.compare()
    }),
    { numRuns: 60 },
  )
})
