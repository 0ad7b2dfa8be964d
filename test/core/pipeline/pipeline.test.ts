import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defer, type Hooks, label, type MomentName, reject, via } from '../../../core/api/index.js'
import { Pipeline, type PipelineEntry } from '../../../core/pipeline/pipeline.js'
import { quietLog } from '../../harness/log.js'
import { anEnvelope, aSession } from '../../harness/session.js'

const scope = { signal: new AbortController().signal, log: quietLog }
const metrics = { count: () => undefined, observe: () => undefined }
const session = aSession()
const envelope = anEnvelope()
const recipient = envelope.recipients[0]!

function entry(hooks: Hooks, more: Partial<PipelineEntry> = {}): PipelineEntry {
  return { plugin: 'tried', hooks, unless: [], on: [], timeoutMs: 50, onError: 'defer', ...more }
}

function pipeline(...entries: PipelineEntry[]): Pipeline {
  return new Pipeline(entries, metrics)
}

test('the first final answer wins and later hooks are not asked', () => {
  let asked = 0
  const second = entry({
    connect: () => {
      asked++
    },
  })
  const answer = pipeline(entry({ connect: () => reject('no') }), second).ask('connect', { session }, new Set(), scope)
  assert.deepEqual(answer, { ...reject('no [session1]'), plugin: 'tried' })
  assert.equal(asked, 0)
})

test('hooks that answer at once are answered at once, without a promise', () => {
  const answer = pipeline(entry({ connect: () => undefined })).ask('connect', { session }, new Set(), scope)
  assert.equal(answer, undefined)
})

test('a label ends nothing and later entries may skip on it', async () => {
  const labels = new Set<string>()
  const first = entry({ connect: async () => label('allow-listed') })
  const skipped = entry({ connect: () => reject('never asked') }, { unless: ['allow-listed'] })
  const last = entry({ connect: () => defer('asked') }, { on: ['allow-listed'] })
  assert.deepEqual(await pipeline(first, skipped, last).ask('connect', { session }, labels, scope), {
    ...defer('asked [session1]'),
    plugin: 'tried',
  })
  assert.deepEqual([...labels], ['allow-listed'])
})

const FAILURES: readonly [MomentName, number, string][] = [
  ['connect', 421, '4.3.0'],
  ['auth', 454, '4.7.0'],
  ['helo', 451, '4.3.0'],
  ['mail', 451, '4.3.0'],
  ['rcpt', 451, '4.3.0'],
  ['route', 451, '4.3.0'],
  ['message', 451, '4.3.0'],
]
const WAYS: readonly [string, () => unknown][] = [
  [
    'throws',
    () => {
      throw new Error('bug')
    },
  ],
  [
    'rejects',
    async () => {
      throw new Error('bug')
    },
  ],
  ['never settles', () => new Promise(() => undefined)],
  ['answers nonsense', () => ({ kind: 'fine' })],
  ['answers a string', () => 'OK'],
  ['rejects with a code of success', () => ({ ...reject('x'), code: 250 })],
]

for (const [moment, code, status] of FAILURES) {
  for (const [way, hook] of WAYS) {
    test(`a ${moment} hook that ${way} is ${code} ${status}`, async () => {
      const hooks = { [moment]: hook } as Hooks
      const asked = { session, envelope, recipient } as never
      const answer = await pipeline(entry(hooks)).ask(moment as 'rcpt', asked, new Set(), scope)
      assert.ok(answer !== undefined && answer.kind === 'defer')
      assert.deepEqual([answer.code, answer.status], [code, status])
    })
  }
}

test('with on_error: ignore a failing hook is passed over and the next one is asked', async () => {
  const failing = entry(
    {
      mail: async () => {
        throw new Error('bug')
      },
    },
    { onError: 'ignore' },
  )
  const next = entry({ mail: () => reject('next') })
  assert.deepEqual(await pipeline(failing, next).ask('mail', { session, envelope }, new Set(), scope), {
    ...reject('next [session1.1]'),
    plugin: 'tried',
  })
})

test('an rcpt hook cannot claim, whatever it answers', async () => {
  const claiming = entry({ rcpt: (() => via('mx', recipient.address)) as never })
  const answer = await pipeline(claiming).ask('rcpt', { session, envelope, recipient }, new Set(), scope)
  assert.equal(answer?.kind, 'defer')
})

test('what comes after the deadline is thrown away, and the hook is told to stop', async () => {
  let stopped = false
  const late = entry(
    {
      mail: (_, call) =>
        new Promise(resolve => {
          call.signal.addEventListener('abort', () => {
            stopped = true
            resolve(undefined)
          })
        }),
    },
    { timeoutMs: 10 },
  )
  const answer = await pipeline(late).ask('mail', { session, envelope }, new Set(), scope)
  assert.equal(answer?.kind, 'defer')
  assert.equal(stopped, true)
})

test('gathered findings come from all hooks, and a failing one says so with zero points', async () => {
  const good = entry({ score: () => ({ name: 'good', points: 1, says: 'Yes.' }) }, { plugin: 'good' })
  const several = entry({
    score: async () => [
      { name: 'a', points: 1, says: 'A.' },
      { name: 'b', points: 2, says: 'B.' },
    ],
  })
  const bad = entry(
    {
      score: async () => {
        throw new Error('bug')
      },
    },
    { plugin: 'bad' },
  )
  const findings = await pipeline(good, several, bad).gather(
    'score',
    { session, envelope } as never,
    new Set(),
    scope,
    plugin => ({ name: `${plugin}-failed`, points: 0, says: 'Failed.' }),
  )
  assert.deepEqual(
    findings.map(finding => [finding.name, finding.points]),
    [
      ['good', 1],
      ['a', 1],
      ['b', 2],
      ['bad-failed', 0],
    ],
  )
})

test('telling waits for nobody and survives failures', () => {
  const bad = entry({
    disconnect: async () => {
      throw new Error('bug')
    },
  })
  const worse = entry({
    disconnect: () => {
      throw new Error('bug')
    },
  })
  pipeline(bad, worse).tell('disconnect', { session, end: 'quit' }, new Set(), scope)
})

test('who was asked in a session hears of its end, whatever labels came later', () => {
  const told: string[] = []
  const named = (plugin: string, hooks: Hooks) =>
    entry({ ...hooks, disconnect: () => void told.push(plugin) }, { plugin, unless: ['late'] })
  const line = pipeline(named('asked', { connect: () => undefined }), named('never-asked', { mail: () => undefined }))
  const inSession = { ...scope, concerned: new Set<object>() }
  void line.ask('connect', { session }, new Set(), inSession)
  line.tell('disconnect', { session, end: 'quit' }, new Set(['late']), inSession)
  assert.deepEqual(told, ['asked'])
})
