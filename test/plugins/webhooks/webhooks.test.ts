/** Webhooks against a receiver on loopback that fails, is slow, moves away, is gone, or answers without end. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import type { CommandRun, QueueEvent, State } from 'posthouse/api'
import { ConfigError } from 'posthouse/api'
import { type SetUp, setUp } from 'posthouse/testing'
import { NetworkSet } from '../../../core/text/index.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import webhooks from '../../../plugins/webhooks/index.js'
import { headersOf, mayReach, post } from '../../../plugins/webhooks/post.js'
import { eventually } from '../../harness/instance.js'
import { TEST_CERT, TEST_KEY } from '../../harness/test-cert.js'
import { Receiver, SECRET, status } from './receiver.js'

const NEVER = new AbortController().signal

describe('webhooks', () => {
  let dir: string
  let receiver: Receiver
  let state: State
  let running: SetUp[] = []
  let logged: { facts: Record<string, unknown>; sentence: string }[] = []
  let now = 0

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'posthouse-webhooks-'))
    await writeFile(join(dir, 'secret'), `${SECRET}\n`)
    await writeFile(join(dir, 'short'), 'abc')
  })
  after(() => rm(dir, { recursive: true, force: true }))
  beforeEach(async () => {
    receiver = await Receiver.start()
    state = createMemoryState()
    logged = []
    now = Date.now()
  })
  afterEach(async () => {
    await Promise.all(running.map(one => one.end()))
    running = []
    await receiver.stop()
  })

  function hook(more: object = {}) {
    return { url: receiver.url, secret_file: 'secret', networks: ['127.0.0.0/8'], ...more }
  }

  async function begin(more: object = {}, terms: object = {}): Promise<SetUp> {
    const at = (facts: object, sentence: string) =>
      void logged.push({ facts: facts as Record<string, unknown>, sentence })
    const log = { error: at, warn: at, info: at, debug: () => undefined, child: () => log }
    const config = { hooks: [hook(more)], retry: ['10ms'], ...terms }
    const one = await setUp(webhooks, { config, state, log, server: { configDir: dir }, now: () => now })
    running.push(one)
    return one
  }

  function event(message: string, kind: QueueEvent['kind'] = 'delivered'): QueueEvent {
    return { kind, at: now, message, sender: 'a@us.test', recipient: 'b@them.test', size: 10, ageMs: 5 }
  }

  async function tell(one: SetUp, ...events: readonly QueueEvent[]): Promise<void> {
    await Promise.all(events.map(each => one.hooks.event!({ event: each }, one.call)))
  }

  const heardMessages = () => receiver.heard.flatMap(({ events }) => events.map(({ message }) => message))
  const told = (count: number) =>
    eventually(async () => (heardMessages().length >= count ? heardMessages() : undefined))
  const logs = (sentence: string) => eventually(async () => logged.find(line => line.sentence === sentence)?.facts)

  async function run(one: SetUp, name: string, ...args: readonly string[]): Promise<{ code: number; out: string }> {
    const out: string[] = []
    const line: CommandRun = {
      args,
      options: {},
      json: false,
      print: text => void out.push(text),
      warn: text => void out.push(text),
      stdin: async () => '',
    }
    const command = one.contribution.commands!.find(each => each.name === `webhooks ${name}`)!
    return { code: (await command.run(line)) ?? 0, out: out.join('\n') }
  }

  test('events arrive signed, in order, several in a request, with ids of their own', async () => {
    const one = await begin()
    await tell(one, event('m1', 'accepted'), event('m1', 'delayed'), event('m1'), event('m2'))
    one.contribution.started!()
    assert.deepEqual(await told(4), ['m1', 'm1', 'm1', 'm2'])
    assert.equal(receiver.heard.length, 1)
    assert.equal(receiver.heard[0]!.signed, true)
    const { events } = receiver.heard[0]!
    assert.equal(new Set(events.map(({ id }) => id)).size, 4)
    assert.deepEqual(
      events.slice(0, 3).map(({ kind }) => kind),
      ['accepted', 'delayed', 'delivered'],
    )
  })

  test('only events that were asked for are told, in batches as large as asked for', async () => {
    const one = await begin({ events: ['expired'], batch: 2 })
    await tell(one, event('no'), ...['a', 'b', 'c'].map(id => event(id, 'expired')))
    one.contribution.started!()
    assert.deepEqual(await told(3), ['a', 'b', 'c'])
    assert.deepEqual(
      receiver.heard.map(({ events }) => events.length),
      [2, 1],
    )
  })

  test('a receiver that fails is told again, with the same id, and nothing overtakes', async () => {
    const one = await begin({ batch: 1 })
    receiver.answer = status(500)
    one.contribution.started!()
    await tell(one, event('a'), event('b'))
    await told(3)
    assert.deepEqual(new Set(heardMessages()), new Set(['a']))
    assert.equal(new Set(receiver.heard.map(({ id }) => id)).size, 1)
    assert.equal((await logs('webhook could not be told')).why, 'answered 500')
    receiver.answer = status(200)
    await eventually(async () => (heardMessages().at(-1) === 'b' ? true : undefined))
    await logs('webhook answers again')
  })

  test('what was not told outlives us', async () => {
    const first = await begin()
    await tell(first, event('a'))
    await first.end()
    const second = await begin()
    second.contribution.started!()
    assert.deepEqual(await told(1), ['a'])
  })

  test('two workers tell everything once', async () => {
    const both = [await begin({ batch: 1 }), await begin({ batch: 1 })]
    for (const one of both) one.contribution.started!()
    for (const [i, one] of both.entries()) await tell(one, event(`a${i}`), event(`b${i}`))
    // Without a bus the sender looks by itself after a while; an event of its own wakes it.
    for (const one of both) await tell(one, event('wake'))
    await told(6)
    assert.deepEqual([...heardMessages()].sort(), ['a0', 'a1', 'b0', 'b1', 'wake', 'wake'])
  })

  test('a receiver that is too slow has failed', async () => {
    const one = await begin({ timeout: '50ms' })
    receiver.answer = () => undefined
    one.contribution.started!()
    await tell(one, event('a'))
    assert.equal((await logs('webhook could not be told')).why, 'no answer in time')
  })

  test('redirects are not followed', async () => {
    const one = await begin()
    receiver.answer = status(302, { location: receiver.url })
    one.contribution.started!()
    await tell(one, event('a'))
    assert.equal((await logs('webhook could not be told')).why, 'answered 302')
  })

  test('an answer without end is not read', async () => {
    const one = await begin()
    let closed = false
    receiver.answer = response => {
      response.writeHead(200)
      const more = () => {
        while (!closed && response.write('x'.repeat(65_536)));
      }
      response.on('drain', more).on('close', () => {
        closed = true
      })
      more()
    }
    one.contribution.started!()
    await tell(one, event('a'))
    await eventually(async () => (closed ? true : undefined))
    assert.match((await run(one, 'ls')).out, /0 waiting/)
  })

  test('410 ends it, until somebody begins again', async () => {
    const one = await begin()
    receiver.answer = status(410)
    one.contribution.started!()
    await tell(one, event('a'))
    await logs('webhook is gone and told no more')
    receiver.answer = status(200)
    await tell(one, event('b'))
    assert.match((await run(one, 'ls')).out, /0 waiting {2}stopped at/)
    assert.match((await run(one, 'replay')).out, /told again from here on/)
    await tell(one, event('c'))
    assert.deepEqual(await told(2), ['a', 'c'])
  })

  test('an event that is refused for what it is does not stop the others', async () => {
    const one = await begin()
    await tell(one, event('a'), event('bad'), event('c'))
    receiver.answer = response => {
      const { events } = receiver.heard.at(-1)!
      response.writeHead(events.some(({ message }) => message === 'bad') ? 422 : 200).end()
    }
    one.contribution.started!()
    assert.deepEqual(await told(6), ['a', 'bad', 'c', 'a', 'bad', 'c'])
    assert.equal((await logs('webhook events dropped')).why, 'refused with 422')
  })

  test('what is too old is dropped and said so', async () => {
    const one = await begin({}, { keep: '10m' })
    await tell(one, event('old'))
    now += 11 * 60_000
    await tell(one, event('new'))
    one.contribution.started!()
    assert.deepEqual(await told(1), ['new'])
    assert.deepEqual(await logs('webhook events dropped'), {
      hook: receiver.url,
      events: 1,
      why: 'too old',
    })
  })

  test('too many are dropped and said so, and the oldest stay', async () => {
    const one = await begin({}, { most: 10 })
    for (let i = 0; i < 15; i += 1) await tell(one, event(`m${i}`))
    assert.match((await run(one, 'ls')).out, /10 waiting, the oldest of 20/)
    assert.equal((await logs('webhook events dropped')).why, 'too many wait')
    one.contribution.started!()
    assert.equal((await told(10)).at(-1), 'm9')
  })

  test('test posts an event at once and tells the answer', async () => {
    const one = await begin()
    assert.deepEqual(await run(one, 'test', receiver.url), { code: 0, out: `${receiver.url} answered 204` })
    assert.equal(receiver.heard[0]!.signed, true)
    receiver.answer = status(500)
    assert.equal((await run(one, 'test', receiver.url)).code, 1)
    await assert.rejects(run(one, 'test', 'https://else.test/'), /no hook has this URL; there is: http/)
  })

  for (const [what, config, expected] of [
    ['an address of the house', { url: 'https://10.1.2.3/', networks: [] }, /10\.1\.2\.3 is a private address/],
    ['http to the world', { url: 'http://hooks.example.test/' }, /expected an https URL; http only/],
    ['a password in the URL', { url: 'https://a:b@hooks.example.test/' }, /no user and password/],
    ['no URL', { url: 'somewhere' }, /expected an https URL/],
    ['a secret that is not there', { secret_file: 'none' }, /cannot be read \(ENOENT\)/],
    ['a short secret', { secret_file: 'short' }, /a secret of 3 octets; at least 16/],
    ['an event that there is not', { events: ['deliverd'] }, /did you mean "delivered"/],
  ] as const) {
    test(`${what} is a fault`, async () => {
      await assert.rejects(begin(config), (error: unknown) => {
        assert.ok(error instanceof ConfigError)
        assert.match(error.message, expected)
        return true
      })
    })
  }
})

describe('a request', () => {
  const posting = {
    body: '{}',
    id: 'msg_1',
    secret: Buffer.from(SECRET),
    now: 1_700_000_000_500,
    timeoutMs: 5000,
    signal: NEVER,
  }

  test('is signed as Standard Webhooks has it', () => {
    // openssl dgst -sha256 -hmac 'a secret of enough letters' -binary | base64, of "msg_1.1700000000.{}"
    assert.deepEqual(headersOf(posting)['webhook-timestamp'], '1700000000')
    assert.equal(headersOf(posting)['webhook-signature'], 'v1,LtKw1qzare+5WoVsoXL+BoBdbfvmxwrvpVJsA8cRdzg=')
  })

  test('does not go to a private address by way of a name', async () => {
    const url = new URL('https://localhost:9/')
    await assert.rejects(
      post({ ...posting, url, networks: new NetworkSet([]) }),
      /localhost leads to a private address/,
    )
  })

  for (const [address, reachable] of [
    ['127.0.0.1', false],
    ['::ffff:10.0.0.1', false],
    ['169.254.169.254', false],
    ['fe80::1', false],
    ['1.1.1.1', true],
    ['2606:4700::1111', true],
  ] as const) {
    test(`${address} ${reachable ? 'may' : 'may not'} be reached unless it is named`, () => {
      assert.equal(mayReach(address, new NetworkSet([])), reachable)
      assert.equal(mayReach(address, new NetworkSet([address])), true)
    })
  }

  test('does not go to a server whose certificate nobody vouches for', async () => {
    const server = createTlsServer({ cert: TEST_CERT, key: TEST_KEY }, (_, response) => void response.end())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    try {
      await assert.rejects(
        post({ ...posting, url, networks: new NetworkSet(['127.0.0.1']) }),
        /self-signed|certificate/i,
      )
    } finally {
      server.close()
    }
  })
})
