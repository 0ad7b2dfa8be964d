/** Objection is not permission: nothing a plugin claims lets a stranger relay. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Account,
  type Address,
  type Claim,
  type Hooks,
  type Log,
  label,
  reject,
  type Session,
  type Target,
  via,
} from '../../../core/api/index.js'
import { Pipeline } from '../../../core/pipeline/pipeline.js'
import { Router } from '../../../core/pipeline/routing.js'
import { quietLog, rememberingLog } from '../../harness/log.js'
import { ALICE, anEnvelope, aServer, aSession, STRANGER } from '../../harness/session.js'

const scope = { signal: new AbortController().signal, log: quietLog }
const account: Account = { id: 'a1', login: 'alice@example.test', addresses: ['alice@example.test'] }
const RELAYED: Address = { local: 'x', domain: 'relayed.test' }
const AT_OUR_NAME: Address = { local: 'Postmaster', domain: 'mail.example.test' }
const WORLD: Address = { local: 'x', domain: 'world.test' }

function target(scope: Target['scope']): Target {
  return { scope, lane: to => to.domain, deliver: async () => [] }
}
const targets = new Map([
  ['mda', target('local')],
  ['mx', target('remote')],
])

async function routed(hooks: Hooks, session: Session, address: Address, log: Log = quietLog) {
  const entry = { plugin: 'tried', hooks, unless: [], on: [], timeoutMs: 100, onError: 'defer' } as const
  const router = new Router(
    new Pipeline([entry], { count: () => undefined, observe: () => undefined }),
    targets,
    aServer(),
  )
  const recipient = { address, dsn: { notify: [] } }
  const envelope = anEnvelope({ recipients: [] })
  return router.route(session, new Set(session.labels), envelope, recipient, { ...scope, log })
}

const open: Hooks = { route: ({ recipient }) => via('mx', recipient.address) }
const forward: Hooks = { route: () => via('mx', WORLD) }

const CASES: readonly [string, Hooks, Session, Address, 'routed' | string][] = [
  ['a stranger to the world, though a plugin claims it', open, aSession(), WORLD, '550 5.7.1'],
  [
    'a stranger with every label there is',
    open,
    aSession({ labels: new Set(['trusted', 'authenticated', 'x']) }),
    WORLD,
    '550 5.7.1',
  ],
  ['an authenticated session to the world', open, aSession({ account }), WORLD, 'routed'],
  ['a trusted network to the world', open, aSession({ trusted: true }), WORLD, 'routed'],
  ['a stranger to a domain we relay for', open, aSession(), RELAYED, 'routed'],
  [
    'a user%host to a domain we relay for',
    open,
    aSession(),
    { local: 'x%world.test', domain: 'relayed.test' },
    '550 5.7.1',
  ],
  [
    'a host!user to a domain we relay for',
    open,
    aSession(),
    { local: 'world.test!x', domain: 'relayed.test' },
    '550 5.7.1',
  ],
  [
    'a quoted address at a domain we relay for',
    open,
    aSession(),
    { local: 'x@world.test', domain: 'relayed.test' },
    '550 5.7.1',
  ],
  [
    'a user%host of somebody logged in',
    open,
    aSession({ account }),
    { local: 'x%y', domain: 'relayed.test' },
    'routed',
  ],
  ['an alias of ours that leads out', forward, aSession(), ALICE, 'routed'],
  ['a postmaster of ours who reads elsewhere', forward, aSession(), { local: 'postmaster', domain: '' }, 'routed'],
  ['the postmaster at our name, who reads elsewhere', forward, aSession(), AT_OUR_NAME, 'routed'],
  ['anybody else at our name', forward, aSession(), { ...AT_OUR_NAME, local: 'x' }, '550 5.7.1'],
  ['the postmaster at our name claimed for the way out to itself', open, aSession(), AT_OUR_NAME, '550 5.7.1'],
  ['a postmaster nobody claims', {}, aSession(), { local: 'postmaster', domain: '' }, '550 5.1.1'],
  ['a strange address that a plugin sends to a third place', forward, aSession(), STRANGER, '550 5.7.1'],
  ['a local domain claimed for the way out to itself', open, aSession(), ALICE, '550 5.7.1'],
  ['nobody claims a stranger', {}, aSession(), WORLD, '550 5.7.1'],
  ['nobody claims an address of ours', {}, aSession(), ALICE, '550 5.1.1'],
  ['nobody claims, though logged in', {}, aSession({ account }), WORLD, '550 5.7.1'],
  ['a target that does not exist', { route: () => via('nowhere', ALICE) }, aSession(), ALICE, '451 4.3.5'],
  ['an empty list of claims', { route: () => [] }, aSession(), ALICE, '550 5.1.1'],
  ['an objection at rcpt', { rcpt: () => reject('no'), route: open.route! }, aSession({ account }), WORLD, '550 5.7.1'],
  ['a label at rcpt is no permission', { rcpt: () => label('allow-listed') }, aSession(), WORLD, '550 5.7.1'],
  ['a claim for a local mailbox by a stranger', { route: () => via('mda', ALICE) }, aSession(), ALICE, 'routed'],
]

for (const [name, hooks, session, address, want] of CASES) {
  test(`${name}: ${want}`, async () => {
    const answer = await routed(hooks, session, address)
    assert.equal('kind' in answer ? `${answer.code} ${answer.status}` : 'routed', want)
  })
}

test('one claim of several that may not go out refuses the recipient', async () => {
  const claims: Claim[] = [via('mda', ALICE), via('mx', WORLD)]
  const answer = await routed({ route: () => claims }, aSession(), STRANGER)
  assert.ok('kind' in answer && answer.kind === 'reject')
})

for (const [why, address, rule] of [
  ['a domain that is not ours', WORLD, 'no-relay'],
  ['an address of ours that nobody takes', ALICE, 'no-route'],
  ['an address that may hold another', { local: 'x%world.test', domain: 'relayed.test' }, 'sender-routing'],
] as const) {
  test(`${why}: the reply ends with an id, and the log says under it which rule of core it was`, async () => {
    const log = rememberingLog()
    const answer = await routed(rule === 'no-route' ? {} : open, aSession(), address, log)
    assert.ok('kind' in answer && answer.kind === 'reject')
    const id = /\[(\S+)\]$/.exec(answer.text)?.[1]
    const line = log.lines.find(({ sentence }) => sentence === 'policy objected')
    assert.deepEqual([line?.facts.ref, line?.facts.plugin, line?.facts.rule], [id, 'core', rule])
  })
}
