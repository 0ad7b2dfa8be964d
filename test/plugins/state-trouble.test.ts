/** Policies whose state has trouble: what they cannot know they punish nobody for, and the log says so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Hooks, MailError, type MomentName, type Plugin, type State } from '../../core/api/index.js'
import { anEnvelope, aSession, rememberingLog, setUp } from '../../core/testing/index.js'
import earlyTalker from '../../plugins/early-talker/index.js'
import greylist from '../../plugins/greylist/index.js'
import recipientChecks from '../../plugins/recipient-checks/index.js'
import tarpit from '../../plugins/tarpit/index.js'

const trouble = async (): Promise<never> => {
  throw new MailError('store-full', 'the state is full')
}
const state: State = {
  get: trouble,
  put: trouble,
  remove: trouble,
  add: trouble,
  spend: trouble,
  tally: trouble,
  enter: trouble,
  list: trouble,
} as never
const session = aSession({ refused: { commands: 9, unknown: 0 } })
const envelope = anEnvelope({})
const asked = { session, envelope, recipient: envelope.recipients[0]!, name: 'c.test' }

const CASES: readonly [Plugin, MomentName][] = [
  [greylist as Plugin, 'rcpt'],
  [recipientChecks as Plugin, 'mail'],
  [tarpit as Plugin, 'rcpt'],
  [earlyTalker as Plugin, 'connect'],
]

for (const [plugin, moment] of CASES) {
  test(`${plugin.name} lets pass at ${moment} when its state is full`, async () => {
    const log = rememberingLog()
    const { hooks, call } = await setUp(plugin, { config: {}, state, log })
    const hook = (hooks as Hooks)[moment] as (asked: unknown, call: unknown) => unknown
    assert.equal(await hook(asked, { ...call, log }), undefined)
    assert.deepEqual(
      log.lines.filter(({ sentence }) => sentence === 'policy could not know').map(({ facts }) => facts.why),
      ['the state is full'],
    )
  })
}
