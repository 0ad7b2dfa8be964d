import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { messageOf } from '../../../core/storage/message.js'
import { mailOf } from '../../../plugins/spam-rules/example.js'
import { Guard } from '../../../plugins/spam-rules/guard.js'
import { findingsIn } from '../../../plugins/spam-rules/try.js'
import { fold } from '../../../plugins/spam-rules/words/fold.js'
import { aRule, load, told } from './loading.js'

const NASTY = '^(a+)+$'
const FOREVER = `${'a'.repeat(60)}!`

describe('patterns that run apart', () => {
  let now = 0
  const guard = new Guard({ patternMs: 2000, messageMs: 10_000, restMs: 1000 }, () => now)
  const quick = new Guard({ patternMs: 50, messageMs: 10_000, restMs: 1000 }, () => now)
  after(async () => {
    await guard.dispose()
    await quick.dispose()
  })

  test('find what they would find here', async () => {
    const outcomes = await guard.run([
      { pattern: '(b+)+$', input: 'aabb' },
      { pattern: '(b+)+$', input: 'aabbc' },
      { pattern: '(.)\\1', input: 'hello' },
    ])
    assert.deepEqual(outcomes, [{ kind: 'found', text: 'bb' }, undefined, { kind: 'found', text: 'll' }])
  })

  test('one that does not come to an end is not known, and the others are', async () => {
    const outcomes = await quick.run([
      { pattern: 'a!', input: FOREVER },
      { pattern: NASTY, input: FOREVER },
      { pattern: 'a{3}', input: FOREVER },
    ])
    assert.deepEqual(
      outcomes.map(outcome => outcome?.kind),
      ['found', 'unknown', 'found'],
    )
  })

  test('is then left alone for a while, and tried again after it', async () => {
    const [resting] = await quick.run([{ pattern: NASTY, input: 'aaa' }])
    assert.match(resting?.kind === 'unknown' ? resting.why : '', /lately not come to an end/)
    now += 1001
    assert.deepEqual(await quick.run([{ pattern: NASTY, input: 'aaa' }]), [{ kind: 'found', text: 'aaa' }])
  })

  test('all of one message have a limit together, and none of them is blamed', async () => {
    let clock = 0
    const short = new Guard({ patternMs: 2000, messageMs: 5, restMs: 1000 }, () => clock++)
    const jobs = Array.from({ length: 20 }, () => ({ pattern: 'a', input: 'a' }))
    const kinds = (await short.run(jobs)).map(outcome => outcome?.kind)
    assert.equal(kinds[0], 'found')
    assert.equal(kinds.at(-1), 'unknown')
    assert.deepEqual(await short.run([{ pattern: 'a', input: 'a' }]), [{ kind: 'found', text: 'a' }])
    await short.dispose()
  })

  test('the server goes on meanwhile', async () => {
    now += 100_000
    let turns = 0
    const turning = setInterval(() => turns++, 1)
    await quick.run([{ pattern: NASTY, input: FOREVER }])
    clearInterval(turning)
    assert.ok(turns > 5, `${turns} turns of the event loop`)
  })
})

describe('an admin’s costly pattern', () => {
  const local = `rules:\n${aRule('nasty', `field: Subject\nmatches: '${NASTY}'`, 3)}`

  test('is taken, and works', async () => {
    // What it finds is asked for here, and not how soon: the machine may have much to do.
    const set = await load('rules: []', local, new Guard({ patternMs: 60_000, messageMs: 120_000, restMs: 1000 }))
    assert.deepEqual(await told(set, 'Subject: aaaa'), ['nasty 3'])
    assert.deepEqual(await told(set, 'Subject: b'), [])
    await set.dispose()
  })

  test('that does not end gives no points and says so; a "not" of it does not hold', async () => {
    const none = aRule('none', `not: [{ field: Subject, matches: '${NASTY}' }]`, 2)
    const set = await load('rules: []', `${local}${none}`)
    const findings = await findingsIn(set, messageOf, mailOf(`Subject: ${FOREVER}`))
    assert.deepEqual(
      findings.map(({ name, points }) => [name, points]),
      [
        ['nasty', 0],
        ['none', 0],
      ],
    )
    assert.match(findings[0]!.says, /^Not known: the pattern/)
    await set.dispose()
  })

  test('with a fault in its syntax is refused, and so is a costly one that is shipped', async () => {
    await assert.rejects(
      load('rules: []', `rules:\n${aRule('bad', 'field: Subject\nmatches: "(a"')}`),
      /local\.yaml:8:14: not a regular/,
    )
    await assert.rejects(load(local), /a repeat within a repeat/)
  })
})

test('a blessing that is one character does not grow to eighteen', () => {
  assert.ok(fold('ﷺ'.repeat(1000)).length < 1000)
})
