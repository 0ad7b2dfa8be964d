import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Answered,
  type Asked,
  type Finding,
  type GreylistAnswer,
  MailError,
  type Recipient,
  type ServiceTable,
} from '../../../core/api/index.js'
import { aMessage, anEnvelope, aSession, rememberingLog, setUp } from '../../../core/testing/index.js'
import { fieldsFor } from '../../../plugins/spam-action/fields.js'
import spamAction from '../../../plugins/spam-action/index.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { address, runCommand } from '../../harness/context.js'

type Answer = Exclude<Answered['message'], void | null>

function to(text: string): Recipient {
  return { address: address(text), dsn: { notify: [] } }
}

function aboutMail(sum: number, recipient = to('x@example.test'), listener = 'mx'): Asked['message'] {
  return {
    session: aSession({ listener }),
    envelope: anEnvelope({ recipients: [recipient] }),
    message: aMessage('Subject: x\n\n'),
    verdict: { sum, findings: [] },
    recipient,
  }
}

async function ask(config: object, asked: Asked['message'], services: Partial<ServiceTable> = {}): Promise<Answer> {
  const { hooks, call } = await setUp(spamAction, { config, services })
  return ((await hooks.message!(asked, call)) ?? undefined) as Answer
}

/** What is done, what the sum called for, and whose word that was. */
function inShort(answer: Answer): string {
  if (answer === undefined || !('ruling' in answer) || answer.ruling === undefined) return 'nothing said'
  const { action, whose } = answer.ruling
  return `${answer.kind}: ${action}${action === 'none' ? '' : `, ${whose[action]}`}`
}

for (const [sum, wish] of [
  [-3, 'ruled: none'],
  [4.99, 'ruled: none'],
  [5, 'quarantine: junk, general'],
  [14.99, 'quarantine: junk, general'],
  [15, 'reject: reject, general'],
] as const) {
  test(`a sum of ${sum} means ${wish}`, async () => {
    assert.equal(inShort(await ask({}, aboutMail(sum))), wish)
  })
}

describe('thresholds of their own', () => {
  const config = {
    header: 4,
    listeners: { lan: { junk: 8, reject: 'off' } },
    domains: { 'Strict.test': { junk: 2 } },
  }

  for (const [sum, recipient, listener, wish] of [
    [3, 'x@example.test', 'mx', 'ruled: none'],
    [4, 'x@example.test', 'mx', 'ruled: header, general'],
    [3, 'x@strict.test', 'mx', 'quarantine: junk, domain Strict.test'],
    [3, 'x@strict.test', 'lan', 'quarantine: junk, domain Strict.test'],
    [6, 'x@example.test', 'lan', 'ruled: header, general'],
    [50, 'x@example.test', 'lan', 'quarantine: junk, listener lan'],
    [50, 'x@strict.test', 'mx', 'reject: reject, general'],
  ] as const) {
    test(`${sum} points for ${recipient} by ${listener}: ${wish}`, async () => {
      assert.equal(inShort(await ask(config, aboutMail(sum, to(recipient), listener))), wish)
    })
  }
})

describe('users', () => {
  const account = { id: 'a1', login: 'alice', addresses: ['alice@example.test'] }
  const services = (): Partial<ServiceTable> => ({
    tables: createMemoryTables(),
    accounts: {
      byLogin: async login => (login === 'alice' ? account : undefined),
      byAddress: async () => undefined,
      byId: async () => account,
      list: async () => [account],
    },
    'local-recipients': {
      accountsOf: async ({ local }) => (local === 'alice' ? ['a1'] : local === 'both' ? ['a1', 'b2'] : []),
    },
  })
  const config = { users: { Alice: { junk: 9, reject: 'off' } }, domains: { 'example.test': { junk: 2 } } }

  for (const [recipient, wish] of [
    ['alice@example.test', 'ruled: none'],
    ['bob@example.test', 'quarantine: junk, domain example.test'],
    ['both@example.test', 'quarantine: junk, domain example.test'],
  ] as const) {
    test(`of plugins.yaml go before their domain, where an address is one person's: ${recipient}`, async () => {
      assert.equal(inShort(await ask(config, aboutMail(6, to(recipient)), services())), wish)
    })
  }

  test('by command go before plugins.yaml at once, and until they are taken back', async () => {
    const { hooks, call, contribution } = await setUp(spamAction, { config, services: services() })
    const says = async () =>
      inShort(((await hooks.message!(aboutMail(20, to('alice@example.test')), call)) ?? undefined) as Answer)
    const set = (...settings: string[]) => runCommand(contribution.commands!, 'spam-action set', ['alice', ...settings])
    assert.equal(await says(), 'quarantine: junk, user alice')
    assert.deepEqual((await set('reject=19.5', 'greylist=off')).out, ['alice  greylist=off reject=19.5'])
    assert.equal(await says(), 'reject: reject, user alice')
    const shown = await runCommand(contribution.commands!, 'spam-action thresholds', ['alice@example.test'])
    assert.deepEqual(shown.out, [
      'greylist  off  (user alice)',
      'header    9  (user alice)',
      'junk      9  (user alice)',
      'reject    19.5  (user alice)',
    ])
    await set('reject=default', 'greylist=default')
    assert.equal(await says(), 'quarantine: junk, user alice')
    assert.deepEqual((await runCommand(contribution.commands!, 'spam-action ls', [])).out, [
      'nobody has thresholds of their own',
    ])
  })

  for (const [args, expected] of [
    [['alicia', 'junk=3'], /no user alicia, did you mean alice/],
    [['alice', 'jnk=3'], /expected greylist=…, header=…, junk=…, reject=…, got "jnk=3", did you mean "junk=3"\?/],
    [['alice', 'junk=lots'], /expected points, off or default for junk, got "lots"/],
  ] as const) {
    test(`spam-action set ${args.join(' ')} is refused in words`, async () => {
      const { contribution } = await setUp(spamAction, { services: services() })
      await assert.rejects(runCommand(contribution.commands!, 'spam-action set', [...args]), expected)
    })
  }

  test('a directory that is down holds up no mail', async () => {
    const down = {
      ...services(),
      'local-recipients': { accountsOf: async () => Promise.reject(new MailError('directory-unavailable', 'down')) },
    }
    assert.equal(
      inShort(await ask(config, aboutMail(3, to('alice@example.test')), down)),
      'quarantine: junk, domain example.test',
    )
  })
})

describe('greylisting', () => {
  const asked: string[] = []
  const answering = (answer: GreylistAnswer): Partial<ServiceTable> => ({
    greylist: {
      ask: async () => {
        asked.push(answer.kind)
        return answer
      },
    },
  })
  const wait = answering({ kind: 'wait', defer: { kind: 'defer', code: 451, status: '4.7.1', text: 'Later' } })

  for (const [sum, wish, otherwise] of [
    [3, 'defer: greylist, general', 'keep'],
    [6, 'defer: junk, general', 'spam score 6.0, threshold 5.0'],
  ] as const) {
    test(`a suspicious sum of ${sum} is asked to come again; kept because of others it is: ${otherwise}`, async () => {
      const answer = await ask({ greylist: 3 }, aboutMail(sum), wait)
      assert.equal(inShort(answer), wish)
      assert.ok(answer?.kind === 'defer' && `${answer.code} ${answer.status}` === '451 4.7.1')
      assert.equal(typeof answer.otherwise === 'object' ? answer.otherwise.text : answer.otherwise, otherwise)
    })
  }

  test('a threshold without the entry greylist is told at the start', async () => {
    const log = rememberingLog()
    const config = { users: { alice: { greylist: 3 } } }
    for (const services of [{}, wait]) (await setUp(spamAction, { config, services, log })).contribution.started!()
    assert.deepEqual(
      log.lines.map(({ sentence }) => sentence),
      ['a threshold for greylisting is set, and no entry supplies the service greylist'],
    )
  })

  test('clean mail and refused mail are not asked', async () => {
    const before = asked.length
    assert.equal(inShort(await ask({ greylist: 3 }, aboutMail(2.9), wait)), 'ruled: none')
    assert.equal(inShort(await ask({ greylist: 3 }, aboutMail(15), wait)), 'reject: reject, general')
    assert.equal(asked.length, before)
  })

  test('who has come again gets what the sum calls for beside that, and the trail is told', async () => {
    const answer = await ask({ greylist: 3 }, aboutMail(6), answering({ kind: 'pass', why: 'waited' }))
    assert.equal(inShort(answer), 'quarantine: junk, general')
    assert.ok(answer?.kind === 'quarantine')
    assert.equal(answer.ruling?.says, 'It has come again after being greylisted.')
  })
})

describe('fields', () => {
  const one = [{ recipient: to('x@example.test'), measure: { thresholds: { header: 5 }, whose: {} } }]
  const withSum = (sum: number, findings: readonly Finding[] = []) => fieldsFor({ sum, findings }, one, undefined)

  test('a clean message has a score and no flag', () => {
    assert.deepEqual(withSum(-0.04), [
      { name: 'X-Spam-Status', value: 'No, score=0.0 threshold=5.0' },
      { name: 'X-Spam-Score', value: '0.0' },
    ])
  })

  test('spam has a flag, and a report with the weightiest first, for and against, and what is tried out last', () => {
    const fields = withSum(6.25, [
      { name: 'new', points: 0, shadow: 9, says: 'New' },
      { name: 'small', points: 1.25, says: 'Small; very' },
      { name: 'cap', points: -2, says: 'Enough' },
      { name: 'large', points: 7, says: 'Large\r\nX-Evil: yes' },
    ])
    assert.deepEqual(fields[0], { name: 'X-Spam-Flag', value: 'YES' })
    assert.equal(
      fields.at(-1)!.value,
      'large 7.0 (Large??X-Evil: yes); cap -2.0 (Enough); small 1.3 (Small, very); new 0.0, tried out at 9.0 (New)',
    )
  })

  test('a long sentence is cut without a character that would have to be encoded', () => {
    const report = withSum(1, [{ name: 'x', points: 1, says: 'word '.repeat(50) }]).at(-1)!.value
    assert.match(report, /^[ -~]+\.\.\.\)$/)
    assert.ok(report.length < 120)
  })

  test('a report ends somewhere', () => {
    const findings = Array.from({ length: 40 }, (_, n) => ({ name: `rule-${n}`, points: 1, says: 'x'.repeat(500) }))
    const report = withSum(40, findings).at(-1)!.value
    assert.match(report, /; and 30 more$/)
    assert.ok(report.length < 1300)
  })

  test('headers: false writes none', async () => {
    const { hooks } = await setUp(spamAction, { config: { headers: false } })
    assert.equal(hooks.headers, undefined)
  })

  test('recipients with another threshold have a status of their own, in our mailboxes only', async () => {
    const { hooks, call } = await setUp(spamAction, { config: { domains: { 'strict.test': { junk: 2 } } } })
    const [usual, strict] = [to('x@example.test'), to('x@strict.test')]
    const mail = { ...aboutMail(3), envelope: anEnvelope({ recipients: [usual, strict] }) }
    for (const recipient of [usual, strict]) await hooks.message!({ ...mail, recipient }, call)
    assert.deepEqual(await hooks.headers!(mail, call), [
      { name: 'X-Spam-Status', value: 'No, score=3.0 threshold=5.0', within: 'local', for: [usual] },
      { name: 'X-Spam-Flag', value: 'YES', within: 'local', for: [strict] },
      { name: 'X-Spam-Status', value: 'Yes, score=3.0 threshold=2.0', within: 'local', for: [strict] },
      { name: 'X-Spam-Score', value: '3.0', within: 'local' },
    ])
  })
})
