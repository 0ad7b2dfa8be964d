/** What the delivery agent does with the wishes of a mailbox's owner, and what it does not do whatever they are. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Account,
  type FilingAction,
  type FilingRules,
  type Job,
  type JobRecipient,
  MailError,
  type Outcome,
  type SenderRewriter,
  type Vacation,
  type VacationAnswer,
  type VacationWish,
} from '../../../core/api/index.js'
import { formatAddress } from '../../../core/text/index.js'
import mda from '../../../plugins/mda/index.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { aCall, aContext, address, servicesOf } from '../../harness/context.js'
import { rememberingLog } from '../../harness/log.js'
import { aServer } from '../../harness/session.js'

const ALICE: Account = { id: 'aalice', login: 'alice', addresses: ['alice@example.test'] }
const SMALL: Account = { id: 'asmall', login: 'small', addresses: ['small@example.test'], quotaMessages: 1 }
const OFF: Account = { id: 'aoff', login: 'off', addresses: ['off@example.test'], disabled: true }
const BOB: Account = { id: 'abob', login: 'bob', addresses: ['bob@example.test'] }
const ACCOUNTS = [ALICE, SMALL, OFF, BOB]
const because = 'rule "r"'
const to = (text: string): FilingAction => ({ kind: 'forward', to: address(text), because })
const file = (mailbox: string, create = true): FilingAction => ({ kind: 'file', mailbox, flags: [], create, because })
const KEEP: FilingAction = { kind: 'keep', flags: [], because }
const DISCARD: FilingAction = { kind: 'discard', because }
const ANSWER = { id: 'a.1', sender: null, to: address('s@far.test'), bytes: Buffer.from('x'), reason: 'vacation' }

interface Given {
  readonly actions?: readonly FilingAction[] | Error
  /** In place of `actions`, those of each time. */
  readonly turns?: readonly (readonly FilingAction[])[]
  readonly header?: string
  readonly sender?: string | null
  readonly account?: Account
  readonly recipient?: Partial<JobRecipient>
  readonly config?: object
  readonly vacation?: VacationAnswer | Error
  readonly rewriter?: SenderRewriter
  readonly times?: number
}

interface Told {
  readonly outcomes: readonly Outcome[]
  readonly wishes: readonly (VacationWish | undefined)[]
  readonly sentences: readonly string[]
}

async function deliver(given: Given): Promise<Told> {
  const { actions = [], account = ALICE, sender = 'sender@far.test', header = 'Subject: x', times = 1 } = given
  const wishes: (VacationWish | undefined)[] = []
  let turn = 0
  const rules: FilingRules = {
    actionsFor: async () => {
      if (actions instanceof Error) throw actions
      return given.turns?.[turn++] ?? actions
    },
    describe: async () => [],
  }
  const vacation: Vacation = {
    answer: async (_account, _mail, wish) => {
      wishes.push(wish)
      if (given.vacation instanceof Error) throw given.vacation
      return given.vacation
    },
    describe: async () => [],
  }
  const find = async (fits: (one: Account) => boolean) => ACCOUNTS.find(fits)
  const store = createMemoryStore()
  await store.mail.create('aalice', 'Lists')
  const services = servicesOf({
    accounts: {
      byId: id => find(one => one.id === id),
      byLogin: login => find(one => one.login === login),
      byAddress: text => find(one => one.addresses.includes(text)),
      list: async () => ACCOUNTS,
    },
    store,
    tables: createMemoryTables(),
    'filing-rules': rules,
    vacation,
    ...(given.rewriter && { 'sender-rewriter': given.rewriter }),
  })
  const config = {
    ...({ aliases: 'none.yaml', separator: '+', tag_folders: false, full: 'defer', disabled: 'file' } as const),
    ...{ quota: { grace: 0, grace_for: '7d', warn_at: [] } },
    ...{ remote_target: 'mx', forwards_per_day: 1000, automatic_forwards_per_day: 100, ...given.config },
  }
  const made = await mda.setup(aContext(config as never, { services, server: aServer({ configDir: '/nowhere' }) }))
  const bytes = Buffer.from(`Received: x\r\n${header.replace(/\n/g, '\r\n')}\r\n\r\nhello\r\n`)
  const original = address(account.addresses[0]!)
  const detail = { account: account.id }
  const job = {
    ...{ id: 'q1.1', target: 'mda', lane: 'l', sender: sender === null ? null : address(sender), received: 1 },
    ...{
      prefix: 'Received: x\r\n',
      size: bytes.length,
      read: async (from = 0, end = bytes.length) => bytes.subarray(from, end),
    },
    recipients: [{ row: 0, to: original, original, dsn: { notify: [] }, tries: 0, detail, ...given.recipient }],
  } as unknown as Job
  const log = rememberingLog()
  const outcomes: Outcome[] = []
  for (let at = 0; at < times; at++) outcomes.push(...(await made.targets!.mda!.deliver(job, aCall({ log }))))
  return { outcomes, wishes, sentences: log.lines.map(line => line.sentence) }
}

type Filed = Extract<Outcome, { kind: 'filed' }>

async function filed(given: Given): Promise<Filed> {
  const { outcomes } = await deliver(given)
  const last = outcomes.at(-1)!
  assert.ok(last.kind === 'filed', JSON.stringify(last))
  return last
}

/** `Lists+\Seen` */
function places({ filings }: Filed): string[] {
  return filings.map(({ mailbox, flags }) => [mailbox, ...flags].join('+'))
}

function gone({ forwards = [] }: Filed): string[] {
  return forwards.flatMap(({ claims }) =>
    claims.map(
      ({ target, to, sender }) => `${target} ${formatAddress(to)}${sender ? ` as ${formatAddress(sender)}` : ''}`,
    ),
  )
}

describe('copies', () => {
  for (const [what, given, wish] of [
    ['without a wish go to INBOX', {}, ['INBOX']],
    ['go where rules say', { actions: [file('Lists'), file('New/Box')] }, ['Lists', 'New/Box']],
    ['go once into each mailbox', { actions: [file('inbox'), KEEP, file('INBOX')] }, ['INBOX']],
    [
      'have the flags of all who filed them there',
      {
        actions: [
          { ...file('A'), flags: ['\\Seen'] },
          { ...file('A'), flags: ['x'] },
        ] as FilingAction[],
      },
      ['A+\\Seen+x'],
    ],
    ['are none of what is thrown away', { actions: [DISCARD] }, []],
    ['stay where one rule keeps what another throws away', { actions: [DISCARD, KEEP] }, ['INBOX']],
    ['are none of what goes on', { actions: [to('x@far.test')] }, []],
    ['stay in Junk when it was taken for spam', { actions: [KEEP], recipient: { quarantine: 's' } }, ['Junk+$Junk']],
    ['leave Junk when a rule says so', { actions: [file('INBOX')], recipient: { quarantine: 's' } }, ['INBOX']],
    ['go to INBOX when the mailbox is not there', { actions: [file('None', false)] }, ['INBOX']],
    ['go into one that is', { actions: [file('Lists', false)] }, ['Lists']],
    ['go to INBOX when there can be no such mailbox', { actions: [file('a//b')] }, ['INBOX']],
    [
      'are at most twenty',
      { actions: Array.from({ length: 30 }, (_, at) => file(`M${at}`)) },
      Array.from({ length: 20 }, (_, at) => `M${at}`),
    ],
  ] as const)
    test(what, async () => assert.deepEqual(places(await filed(given)), wish))

  test('say whose wish it was', async () => {
    const { because: whose } = await filed({
      actions: [file('A'), { ...file('B'), because: 'rule "s"' } as FilingAction],
    })
    assert.equal(whose, 'rule "r", rule "s"')
    assert.equal((await filed({})).because, undefined)
  })

  test('need room for all of them', async () => {
    const { outcomes } = await deliver({ account: SMALL, actions: [file('A'), file('B')] })
    assert.deepEqual(outcomes[0], {
      kind: 'failed',
      row: 0,
      status: '5.2.3',
      text: 'the message is larger than the whole mailbox',
    })
    assert.deepEqual(places(await filed({ account: SMALL, actions: [DISCARD] })), [])
  })

  test('stay where they would be when rules fail, and wait while rules cannot be known', async () => {
    const bug = await deliver({ actions: new Error('a fault') })
    const [kept] = bug.outcomes
    assert.ok(kept?.kind === 'filed')
    assert.deepEqual(places(kept), ['INBOX'])
    assert.deepEqual(bug.sentences, ['filing rules failed, mail is kept'])
    assert.deepEqual(kept.notes, ['The filing rules failed: it is kept as without them'])
    const { outcomes } = await deliver({ actions: new MailError('store-unavailable', 'down') })
    assert.ok(outcomes[0]?.kind === 'deferred')
    assert.equal(outcomes[0].status, '4.3.0')
  })
})

describe('mail that is sent on', () => {
  const srs: SenderRewriter = { forwarded: async () => address('SRS0=x@example.test') }

  test('goes as it came, with Delivered-To in front', async () => {
    const { forwards } = await filed({ actions: [to('x@far.test'), KEEP] })
    assert.deepEqual(forwards, [
      {
        to: address('x@far.test'),
        claims: [
          {
            ...{ kind: 'claim', target: 'mx', to: address('x@far.test') },
            fields: [{ name: 'Delivered-To', value: 'alice@example.test' }],
          },
        ],
        because,
      },
    ])
  })

  for (const [what, given, wish] of [
    ['goes under a sender of ours where there is SRS', { rewriter: srs }, ['mx x@far.test as SRS0=x@example.test']],
    ['from nobody goes on from nobody', { rewriter: srs, sender: null }, ['mx x@far.test']],
    ['within the house goes to a mailbox', { actions: [to('bob@example.test')] }, ['mda bob@example.test']],
    ['goes once to each address', { actions: [to('x@far.test'), to('X@FAR.test')] }, ['mx x@far.test']],
    [
      'goes to five addresses at most',
      { actions: Array.from({ length: 7 }, (_, at) => to(`x${at}@far.test`)) },
      Array.from({ length: 5 }, (_, at) => `mx x${at}@far.test`),
    ],
  ] as const)
    test(what, async () => assert.deepEqual(gone(await filed({ actions: [to('x@far.test')], ...given })), wish))

  for (const [what, given, why] of [
    ['to this very mailbox', { actions: [to('Alice@example.test')] }, 'that is this very mailbox'],
    [
      'to a name with a tag that is this mailbox',
      { actions: [to('alice+x@example.test')] },
      'that leads back to this very mailbox',
    ],
    ['to who sent it', { sender: 'X@far.test' }, 'it comes from there'],
    ['to who wrote it', { header: 'From: Robot <x@FAR.test>' }, 'it comes from there'],
    ['to where it has been', { header: 'Delivered-To: X@far.test' }, 'it has been there before'],
    [
      'to who sent it, though a rule throws it away',
      { sender: 'x@far.test', actions: [to('x@far.test'), DISCARD] },
      'it comes from there',
    ],
    ['to nobody', { actions: [to('none@example.test')] }, 'none@example.test: no such user here'],
    ['when it was taken for spam', { recipient: { quarantine: 's' } }, 'it was taken for spam'],
    ['for an account that is disabled', { account: OFF }, 'the account is disabled'],
    [
      'after ten mailboxes',
      { header: Array.from({ length: 10 }, (_, at) => `Delivered-To: d${at}@far.test`).join('\n') },
      'it has gone through too many mailboxes',
    ],
    ['when none may be', { config: { forwards_per_day: 0 } }, '0 messages a day are the most'],
    ['beyond the number of a day', { config: { forwards_per_day: 2 }, times: 3 }, '2 messages a day are the most'],
    [
      'when machines wrote too much',
      { config: { automatic_forwards_per_day: 1 }, times: 2, header: 'Auto-Submitted: auto-generated' },
      '1 messages written by machines a day are the most',
    ],
  ] as const)
    test(`is kept and not sent on ${what}, and says so`, async () => {
      const last = await filed({ actions: [to('x@far.test')], ...given })
      assert.deepEqual(gone(last), [])
      assert.equal(last.filings.length, 1)
      const [note] = last.notes!
      assert.match(note!, /^Not sent on to /)
      assert.ok(note!.endsWith(`: ${why}`), note)
    })

  test('and finds no room counts for nothing', async () => {
    const turns = [[to('x@far.test'), file('A'), file('B')], [to('x@far.test')]]
    const last = await filed({ account: SMALL, turns, config: { forwards_per_day: 1 }, times: 2 })
    assert.deepEqual(gone(last), ['mx x@far.test'])
  })

  test('what people wrote counts apart from what machines wrote', async () => {
    const config = { automatic_forwards_per_day: 1 }
    assert.equal(gone(await filed({ actions: [to('x@far.test')], config, times: 3 })).length, 1)
  })
})

describe('an answer', () => {
  const answer: VacationAnswer = { kind: 'answer', answer: ANSWER }

  test('goes with the filing', async () => {
    assert.deepEqual((await filed({ vacation: answer })).answers, [ANSWER])
  })

  test('that is not given is a note in the trail', async () => {
    const { answers, notes } = await filed({ vacation: { kind: 'silent', why: 'it came by a mailing list' } })
    assert.deepEqual([answers, notes], [undefined, ['Not answered: it came by a mailing list']])
  })

  for (const [what, given, asked] of [
    ['is asked for when mail is kept', {}, 1],
    ['is asked for when mail goes on', { actions: [to('x@far.test')] }, 1],
    ['is not asked for when mail is thrown away', { actions: [DISCARD] }, 0],
    ['is not asked for when a rule wants none', { actions: [{ kind: 'quiet', because }, KEEP] }, 0],
    ['is not asked for when there is no room', { account: SMALL, actions: [file('A'), file('B')] }, 0],
  ] as const)
    test(what, async () => assert.equal((await deliver({ ...given, vacation: answer })).wishes.length, asked))

  test('may be the wish of a rule, also for what is thrown away', async () => {
    const wish: VacationWish = { text: 'gone', addresses: [], days: 7 }
    const { wishes } = await deliver({ actions: [DISCARD, { kind: 'answer', wish, because }], vacation: answer })
    assert.deepEqual(wishes, [wish])
  })

  test('that fails holds up no mail', async () => {
    const { outcomes, sentences } = await deliver({ vacation: new MailError('store-unavailable', 'down') })
    assert.equal(outcomes[0]!.kind, 'filed')
    assert.deepEqual(sentences, ['vacation answer failed'])
  })
})
