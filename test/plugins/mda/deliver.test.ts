import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Account, type Job, type JobRecipient, MailError, type Outcome } from '../../../core/api/index.js'
import { mdaTarget } from '../../../plugins/mda/deliver.js'
import { QuotaKeeper } from '../../../plugins/mda/quota/keeper.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { aCall, address } from '../../harness/context.js'
import { quietLog } from '../../harness/log.js'

const ALICE: Account = { id: 'aalice', login: 'alice', addresses: ['alice@example.test'] }
const SMALL: Account = { id: 'asmall', login: 'small', addresses: ['small@example.test'], quotaBytes: 1000 }
const PREFIX = 'Received: from there\r\n'
const BODY = 'Subject: hello\r\n\r\nHello\r\n'

function aJob(recipients: readonly Partial<JobRecipient>[], more: Partial<Job> & { readonly text?: string } = {}): Job {
  const bytes = Buffer.from(PREFIX + (more.text ?? BODY))
  return {
    id: 'q1.1',
    target: 'mda',
    lane: 'example.test',
    sender: address('sender@far.test'),
    recipients: recipients.map((recipient, row) => ({
      row,
      to: address('alice@example.test'),
      original: address('Alice@example.test'),
      dsn: { notify: [] },
      tries: 0,
      detail: { account: 'aalice' },
      ...recipient,
    })),
    received: 1234,
    utf8: false,
    body: '7BIT',
    prefix: PREFIX,
    size: bytes.length,
    chunks: async function* () {
      yield bytes
    },
    read: async (from, to) => bytes.subarray(from, to),
    sevenBit: () => Promise.reject(new Error('a mailbox takes any octet')),
    ...more,
  }
}

async function deliver(job: Job, tagFolders = false, full: 'defer' | 'refuse' = 'defer'): Promise<readonly Outcome[]> {
  const store = createMemoryStore()
  await store.mail.create('aalice', 'shop')
  const accounts = {
    byId: async (id: string) => [ALICE, SMALL].find(account => account.id === id),
    byLogin: async () => undefined,
    byAddress: async () => undefined,
    list: async () => [],
  }
  const quotas = new QuotaKeeper({
    ...{ mail: store.mail, state: createMemoryState(), clock: { now: () => 0 }, log: quietLog },
    grace: { percent: 0, forMs: 0 },
  })
  return mdaTarget({ accounts, mail: store.mail, quotas, tagFolders, full }).deliver(job, aCall())
}

describe('a source of accounts that is down', () => {
  test('is trouble of the attempt, so that the mail stays in the queue, and no outcome of the recipient', async () => {
    const down = () => Promise.reject(new MailError('directory-unavailable', 'nobody answers'))
    const accounts = { byId: down, byLogin: down, byAddress: down, list: down }
    const { mail } = createMemoryStore()
    const quotas = new QuotaKeeper({
      ...{ mail, state: createMemoryState(), clock: { now: () => 0 }, log: quietLog },
      grace: { percent: 0, forMs: 0 },
    })
    const target = mdaTarget({ accounts, mail, quotas, tagFolders: false, full: 'defer' })
    await assert.rejects(
      async () => target.deliver(aJob([{}]), aCall()),
      (error: unknown) => error instanceof MailError && error.temporary,
    )
  })

  test('keeps no mail from those whose account is known', async () => {
    const accounts = {
      byId: async (id: string) => {
        if (id === 'aalice') return ALICE
        throw new MailError('directory-unavailable', 'nobody answers')
      },
      byLogin: async () => undefined,
      byAddress: async () => undefined,
      list: async () => [],
    }
    const { mail } = createMemoryStore()
    const quotas = new QuotaKeeper({
      ...{ mail, state: createMemoryState(), clock: { now: () => 0 }, log: quietLog },
      grace: { percent: 0, forMs: 0 },
    })
    const target = mdaTarget({ accounts, mail, quotas, tagFolders: false, full: 'defer' })
    const far = { detail: { account: 'ldap-bob' }, original: address('bob@example.test') }
    const outcomes = await target.deliver(aJob([far, {}, far]), aCall())
    assert.deepEqual(
      outcomes.map(({ kind, row }) => [kind, row]),
      [['filed', 1]],
    )
  })
})

test('a Junk that its owner has given another name takes what is quarantined', async () => {
  const { mail } = createMemoryStore()
  await mail.create('aalice', 'Spam', 'Junk')
  const accounts = {
    byId: async () => ALICE,
    byLogin: async () => undefined,
    byAddress: async () => undefined,
    list: async () => [],
  }
  const [junk] = (await mail.list('aalice')).filter(({ name }) => name === 'Junk')
  if (junk !== undefined) await mail.delete('aalice', 'Junk')
  const quotas = new QuotaKeeper({
    ...{ mail, state: createMemoryState(), clock: { now: () => 0 }, log: quietLog },
    grace: { percent: 0, forMs: 0 },
  })
  const target = mdaTarget({ accounts, mail, quotas, tagFolders: false, full: 'defer' })
  const [outcome] = await target.deliver(aJob([{ quarantine: 'spam' }]), aCall())
  assert.ok(outcome?.kind === 'filed')
  assert.deepEqual(
    outcome.filings.map(({ mailbox }) => mailbox),
    ['Spam'],
  )
})

describe('filing', () => {
  test('Return-Path and Delivered-To stand in front of the fields that are there', async () => {
    assert.deepEqual(await deliver(aJob([{}])), [
      {
        kind: 'filed',
        row: 0,
        filings: [
          {
            accountId: 'aalice',
            mailbox: 'INBOX',
            flags: [],
            date: 1234,
            prefix: `Return-Path: <sender@far.test>\r\nDelivered-To: alice@example.test\r\n${PREFIX}`,
          },
        ],
      },
    ])
  })

  test('the null sender is an empty Return-Path', async () => {
    const [outcome] = await deliver(aJob([{}], { sender: null }))
    assert.ok(outcome?.kind === 'filed')
    assert.match(outcome.filings[0]!.prefix, /^Return-Path: <>\r\n/)
  })

  for (const [what, recipient, tagFolders, wish] of [
    ['a quarantined message goes to Junk', { quarantine: 'spam' }, true, ['Junk', '$Junk']],
    ['a tag is a mailbox where that is wanted', { detail: { account: 'aalice', tag: 'shop' } }, true, ['shop']],
    ['a tag is no mailbox where that is not wanted', { detail: { account: 'aalice', tag: 'shop' } }, false, ['INBOX']],
    ['a tag without a mailbox goes to INBOX', { detail: { account: 'aalice', tag: 'other' } }, true, ['INBOX']],
    ['a tag does not reach Trash', { detail: { account: 'aalice', tag: 'Trash' } }, true, ['INBOX']],
    [
      'a quarantined message with a tag goes to Junk',
      { quarantine: 'spam', detail: { account: 'aalice', tag: 'shop' } },
      true,
      ['Junk', '$Junk'],
    ],
  ] as const) {
    test(what, async () => {
      const [outcome] = await deliver(aJob([recipient]), tagFolders)
      assert.ok(outcome?.kind === 'filed')
      const { mailbox, flags } = outcome.filings[0]!
      assert.deepEqual([mailbox, ...flags], wish)
    })
  }
})

describe('what cannot be filed', () => {
  const long = (bytes: number) => `Subject: x\r\n\r\n${'x'.repeat(bytes)}`
  for (const [what, job, wish] of [
    ['an account that is gone has failed', aJob([{ detail: { account: 'agone' } }]), ['failed 5.1.1']],
    [
      'mail that was delivered to the same address before is a loop',
      aJob([{}], { text: `Delivered-To: ALICE@example.test\r\n${BODY}` }),
      ['failed 5.4.6'],
    ],
    [
      'that is so of an international address too',
      aJob([{ original: address('Jürgen@example.test') }], { text: `Delivered-To: jürgen@example.test\r\n${BODY}` }),
      ['failed 5.4.6'],
    ],
    [
      'that is so when it stands far down in a long header',
      aJob([{}], { text: `${'X-Long: and so on\r\n'.repeat(1000)}Delivered-To: alice@example.test\r\n${BODY}` }),
      ['failed 5.4.6'],
    ],
    [
      'mail that was delivered to another address before is none',
      aJob([{}], { text: `Delivered-To: bob@example.test\r\n${BODY}` }),
      ['filed'],
    ],
    [
      'a line of the body that looks like Delivered-To is none either',
      aJob([{}], { text: `${BODY}Delivered-To: alice@example.test\r\n` }),
      ['filed'],
    ],
    [
      'a message larger than the whole mailbox has failed',
      aJob([{ detail: { account: 'asmall' } }], { text: long(2000) }),
      ['failed 5.2.3'],
    ],
    [
      'what one job files counts before it is stored',
      aJob([{ detail: { account: 'asmall' } }, { detail: { account: 'asmall' } }], { text: long(500) }),
      ['filed', 'deferred 4.2.2'],
    ],
  ] as const) {
    test(what, async () => {
      const outcomes = await deliver(job)
      assert.deepEqual(
        outcomes.map(outcome => ('status' in outcome ? `${outcome.kind} ${outcome.status}` : outcome.kind)),
        wish,
      )
    })
  }

  test('what does not fit goes back where the admin wants it so', async () => {
    const job = aJob([{ detail: { account: 'asmall' } }, { detail: { account: 'asmall' } }], { text: long(500) })
    const [, second] = await deliver(job, false, 'refuse')
    assert.deepEqual(second, { kind: 'failed', row: 1, status: '5.2.2', text: 'mailbox is full' })
  })
})
