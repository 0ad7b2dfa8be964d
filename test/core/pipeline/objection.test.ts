/** What is told of an objection, and entries that only observe. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Hooks, hold, type Log, quarantine, reject } from '../../../core/api/index.js'
import { Pipeline, type PipelineEntry } from '../../../core/pipeline/pipeline.js'
import { rememberingLog } from '../../../core/testing/index.js'
import { anEnvelope, aSession } from '../../harness/session.js'

const session = aSession()
const envelope = anEnvelope()
const recipient = envelope.recipients[0]!
const because = { rule: 'too-many', evidence: 'the 61st\r\nin a minute', exception: 'except: [192.0.2.1]' }

function pipelineOf(hooks: Hooks, mode: PipelineEntry['mode'] = 'enforce'): Pipeline {
  const entry = { plugin: 'tried', hooks, unless: [], on: [], timeoutMs: 50, onError: 'defer', mode } as const
  return new Pipeline([entry], { count: () => undefined, observe: () => undefined })
}

function scopeOf(log: Log) {
  return { signal: new AbortController().signal, log }
}

test('the reply names an id, and the log line under it the plugin, the rule, the evidence and the exception', () => {
  const log = rememberingLog()
  const hooks: Hooks = { rcpt: () => reject('Not today', { because }) }
  const answer = pipelineOf(hooks).ask('rcpt', { session, envelope, recipient }, new Set(), scopeOf(log))
  assert.ok(answer !== undefined && 'text' in answer && answer.text === 'Not today [session1.1]')
  const line = log.lines.find(({ sentence }) => sentence === 'policy objected')
  assert.deepEqual(line?.facts, {
    ref: 'session1.1',
    plugin: 'tried',
    hook: 'rcpt',
    answer: 'reject',
    code: 550,
    status: '5.7.1',
    text: 'Not today',
    rule: 'too-many',
    evidence: 'the 61st??in a minute',
    exception: 'except: [192.0.2.1]',
    remote: '192.0.2.1',
    helo: 'client.elsewhere.test',
    sender: 'stranger@elsewhere.test',
    recipient: 'alice@example.test',
  })
})

test('before an envelope the id is that of the session', () => {
  const answer = pipelineOf({ connect: () => reject('no') }).ask(
    'connect',
    { session },
    new Set(),
    scopeOf(rememberingLog()),
  )
  assert.ok(answer !== undefined && 'text' in answer && answer.text === 'no [session1]')
})

test('an entry that observes says what it would have done, and the next one is asked', () => {
  const log = rememberingLog()
  const answer = pipelineOf({ mail: () => reject('no', { because }) }, 'observe').ask(
    'mail',
    { session, envelope },
    new Set(),
    scopeOf(log),
  )
  assert.equal(answer, undefined)
  const line = log.lines.find(({ sentence }) => sentence === 'policy would have objected')
  assert.equal(line?.facts.rule, 'too-many')
})

for (const [what, answer] of [
  ['quarantine', quarantine('odd')],
  ['hold', hold('odd')],
] as const) {
  test(`an entry that observes does not ${what}`, async () => {
    const asked = { session, envelope, recipient, verdict: { findings: [], sum: 0 }, message: undefined as never }
    const pipeline = pipelineOf({ message: () => answer }, 'observe')
    assert.equal(await pipeline.ask('message', asked, new Set(), scopeOf(rememberingLog())), undefined)
  })
}

test('an entry that observes and fails does not turn anybody away', () => {
  const hooks: Hooks = {
    helo: () => {
      throw new Error('broken')
    },
  }
  const asked = { session, name: 'c.test' }
  assert.equal(pipelineOf(hooks, 'observe').ask('helo', asked, new Set(), scopeOf(rememberingLog())), undefined)
})

test('evidence of an entry that observes counts for nothing and says what it would be', async () => {
  const hooks: Hooks = { score: () => ({ name: 'odd', points: 3, says: 'It is odd.' }) }
  const asked = { session, envelope, message: undefined as never }
  const found = await pipelineOf(hooks, 'observe').gather(
    'score',
    asked,
    new Set(),
    scopeOf(rememberingLog()),
    () => undefined,
  )
  assert.deepEqual(found, [{ name: 'odd', points: 0, says: 'It is odd.', shadow: 3, plugin: 'tried' }])
})

test('fields of an entry that observes are left out', async () => {
  const hooks: Hooks = { headers: () => ({ name: 'X-Odd', value: 'yes' }) }
  const asked = { session, envelope, message: undefined as never, verdict: { findings: [], sum: 0 } }
  const fields = await pipelineOf(hooks, 'observe').gather(
    'headers',
    asked,
    new Set(),
    scopeOf(rememberingLog()),
    () => undefined,
  )
  assert.deepEqual(fields, [])
})

test('labels of an entry that observes are set all the same, since they permit nothing', () => {
  const labels = new Set<string>()
  const hooks: Hooks = { connect: () => ({ kind: 'label', names: ['seen'] }) }
  void pipelineOf(hooks, 'observe').ask('connect', { session }, labels, scopeOf(rememberingLog()))
  assert.deepEqual([...labels], ['seen'])
})
