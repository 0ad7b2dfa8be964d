/** On-demand relay when something goes wrong: clients that put off, hang or vanish, two at once, and a server that ends or reloads meanwhile. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import type { SinkAnswer, Stage } from '../harness/sink-script.js'
import { SmtpSink } from '../harness/smtp-sink.js'
import { sendMail, TurningClient } from '../harness/turning-client.js'

const LOGIN = ['branch@example.test', 'secret words'] as const
const CLIENTS = [{ login: LOGIN[0], domains: ['branch.test', 'second.test'] }]
const HOLD = 'waits for its client (ATRN)'

interface Waiting {
  readonly rows: readonly {
    readonly row: number
    readonly hold?: string
    readonly tries: number
    readonly leased: boolean
    readonly last?: { readonly status: string; readonly text: string }
    readonly to: { readonly local: string }
  }[]
}

describe('on-demand relay in trouble', () => {
  let instance: Instance
  /** Takes its mail unless the test says otherwise, and remembers all of it. */
  const sink = new SmtpSink()
  const clients: TurningClient[] = []

  before(async () => {
    instance = await Instance.make({
      without: CONTENT,
      users: [['alice@example.test', 'secret alice'], LOGIN],
      // Five seconds of it are for the end: a client that hangs is cut off after three.
      server: { relay_domains: ['branch.test', 'second.test'], drain_timeout: '8s' },
      plugins: { mx: { greeting_timeout: '1s', command_timeout: '1s', final_timeout: '20s' } },
      first: [
        { use: 'atrn', with: { not_on: [], clients: CLIENTS } },
        { use: 'etrn', with: { not_on: [], clients: [{ domains: ['branch.test'], logins: [LOGIN[0]] }] } },
      ],
    })
    await instance.start()
  })
  after(async () => {
    for (const { socket } of clients) socket.destroy()
    await instance.destroy()
  })
  beforeEach(() => {
    sink.options = {}
    sink.messages.length = 0
  })

  const send = (who: string, domain = 'branch.test') => sendMail(instance.ports.mx, who, `${who}@${domain}`)

  async function loggedIn(): Promise<TurningClient> {
    const client = await TurningClient.loggedIn(instance.ports.submissions, ...LOGIN)
    clients.push(client)
    return client
  }

  /** Resolves when the turned session is over. */
  async function turned(
    script?: (stage: Stage, argument: string) => SinkAnswer,
    greets = true,
  ): Promise<TurningClient> {
    if (script !== undefined) sink.options = { script }
    const client = await loggedIn()
    assert.match(await client.say('ATRN'), /^250 2\.0\.0 OK now reversing/)
    const socket = client.leave()
    if (greets) sink.adopt(socket)
    return client
  }

  async function over({ socket }: TurningClient): Promise<void> {
    if (!socket.destroyed) await new Promise(resolve => socket.once('close', resolve))
  }

  const got = () => sink.messages.flatMap(({ recipients }) => recipients.map(one => one.split('@')[0]!))

  async function waiting(): Promise<Waiting['rows']> {
    const all: Waiting[] = JSON.parse((await instance.cli(['queue', 'ls', '--json'])).stdout)
    return all.flatMap(({ rows }) => rows)
  }

  async function whoWaits(): Promise<string[]> {
    return (await waiting()).map(({ to, hold, leased }) => `${to.local}${hold === HOLD ? '' : '!'}${leased ? '*' : ''}`)
  }

  test('who is put off stays held and hears why, and the connection goes on', async () => {
    for (const who of ['early', 'full', 'late']) await send(who)
    let ends = 0
    await over(
      await turned((stage, argument) => {
        if (stage === 'rcpt' && argument.includes('full@')) return '452 4.2.2 Mailbox full'
        if (stage !== 'end') return undefined
        ends += 1
        return ends === 1 ? '451 4.3.0 Come again' : undefined
      }),
    )
    assert.equal(sink.connections, 1)
    assert.equal(got().length, 1)
    const rows = await waiting()
    assert.equal(rows.length, 2)
    assert.ok(rows.every(({ hold, tries, leased }) => hold === HOLD && tries === 1 && !leased))
    const said = rows.map(({ last }) => `${last!.status} ${last!.text}`)
    assert.ok(
      said.some(text => /4\.2\.2 .*452 4\.2\.2 Mailbox full/.test(text)),
      said.join(),
    )
    assert.ok(
      said.some(text => /4\.3\.0 .*451 4\.3\.0 Come again/.test(text)),
      said.join(),
    )
    await instance.logged(/"delivered":1,"failed":0,"left":2,"whole":true[^\n]*mail fetched by ATRN/)
    // and comes with the next call
    const before = got()
    sink.options = {}
    await over(await turned())
    assert.deepEqual([...got()].sort(), ['early', 'full', 'late'])
    assert.equal(new Set([...before, ...got()]).size, 3)
    assert.deepEqual(await waiting(), [])
  })

  test('a client that turns and does not greet, one that falls silent and one that resets lose nothing', async () => {
    await send('one')
    await over(await turned(undefined, false))
    await instance.logged(/ATRN client does not take its mail/)
    assert.deepEqual(
      (await waiting()).map(({ tries }) => tries),
      [0],
    )
    await over(await turned(stage => (stage === 'mail' ? { kind: 'silent' } : undefined)))
    assert.deepEqual(
      (await waiting()).map(({ tries, last }) => [tries, /no reply in time/.test(last!.text)]),
      [[1, true]],
    )
    let reset = (): void => undefined
    const gone = new Promise<void>(resolve => {
      reset = resolve
    })
    const client = await turned(stage => {
      if (stage !== 'data') return undefined
      reset()
      return { kind: 'silent' }
    })
    await gone
    client.raw.resetAndDestroy()
    await eventually(async () => ((await whoWaits()).join() === 'one' ? true : undefined))
    await eventually(async () => ((await waiting())[0]!.tries === 2 ? true : undefined))
    await over(await turned(() => undefined))
    assert.deepEqual(got(), ['one'])
    assert.deepEqual(await waiting(), [])
  })

  test('while mail goes out, a second ATRN hears 450, one for new mail gets that, and ETRN starts nothing', async () => {
    await send('slow')
    let open = (): void => undefined
    const told = new Promise<void>(resolve => {
      open = resolve
    })
    let reached = (): void => undefined
    const inside = new Promise<void>(resolve => {
      reached = resolve
    })
    const first = await turned(stage => {
      if (stage !== 'end') return undefined
      reached()
      return { kind: 'when', told }
    })
    await inside
    const second = await loggedIn()
    assert.match(await second.say('ATRN branch.test'), /^450 4\.3\.0 ATRN request refused: your mail is going out/)
    assert.match(await second.say('ATRN second.test'), /^453 /)
    assert.match(await second.say('ETRN branch.test'), /^251 2\.0\.0 OK, no messages waiting/)
    await send('quick')
    assert.match(await second.say('ETRN branch.test'), /^251 /)
    assert.deepEqual(await whoWaits(), ['slow*', 'quick'])
    sink.options = {}
    assert.match(await second.say('ATRN'), /^250 /)
    sink.adopt(second.leave())
    await over(second)
    assert.deepEqual(got(), ['quick'])
    open()
    await over(first)
    assert.deepEqual(got(), ['quick', 'slow'])
    assert.deepEqual(await waiting(), [])
  })

  for (const signal of ['SIGHUP', 'SIGTERM'] as const) {
    test(`${signal} during a turn: the open mail is finished, the others wait, and nothing comes twice`, async () => {
      for (const who of ['first', 'second', 'third']) await send(who)
      let open = (): void => undefined
      const told = new Promise<void>(resolve => {
        open = resolve
      })
      let reached = (): void => undefined
      const inside = new Promise<void>(resolve => {
        reached = resolve
      })
      // Told of the draining in the same moment as the turned session.
      const idle = await loggedIn()
      const client = await turned(stage => {
        if (stage !== 'end') return undefined
        reached()
        return { kind: 'when', told }
      })
      await inside
      instance.signal(signal)
      assert.match(await idle.reply(), /^421 4\.3\.2 /)
      open()
      await over(client)
      assert.equal(got().length, 1)
      assert.match(sink.commands.at(-1)!, /QUIT/)
      if (signal === 'SIGTERM') {
        assert.equal(await instance.stop(), 0)
        await instance.start()
      }
      assert.equal((await whoWaits()).filter(who => /^[a-z]+$/.test(who)).length, 2)
      sink.options = {}
      await over(await turned())
      assert.deepEqual([...got()].sort(), ['first', 'second', 'third'])
      assert.deepEqual(await waiting(), [])
    })
  }

  test('SIGTERM while a client hangs ends in time, and its mail stays as it was', async () => {
    await send('hanging')
    let reached = (): void => undefined
    const inside = new Promise<void>(resolve => {
      reached = resolve
    })
    await turned(stage => {
      if (stage !== 'end') return undefined
      reached()
      return { kind: 'silent' }
    })
    await inside
    assert.equal(await instance.stop(), 0)
    await instance.start()
    assert.deepEqual(
      (await waiting()).map(({ hold, tries, leased }) => [hold, tries, leased]),
      [[HOLD, 0, false]],
    )
  })
})
