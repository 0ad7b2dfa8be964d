/** Limits on a server with two workers: what one worker has counted the other knows, and `posthouse state` shows it and forgets it. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { CONTENT, eventually, Instance } from '../harness/instance.js'

const RATE = 12
const PLACES = 20
const RULES = [
  {
    count: 'connections',
    per: 'network',
    limit: `${RATE}/1d`,
    overrides: { '127.0.0.0/9': 'unlimited', '127.0.0.1': `${RATE}/1d` },
  },
  { count: 'concurrent', per: 'network', limit: PLACES },
  { count: 'messages', per: 'sender-domain', limit: '3/1d' },
]
const MINE = 'limits/connections-per-network/127.0.0.1'

describe('limits with two workers', () => {
  let instance: Instance
  const sockets = new Set<Socket>()
  before(async () => {
    instance = await Instance.make({
      without: CONTENT,
      server: { workers: 2 },
      plugins: { limits: { rules: RULES } },
      users: [['alice@example.test', 'secret words']],
    })
    await instance.start()
    await eventually(async () => ((await workersOf(instance)).length === 2 ? true : undefined))
  })
  after(async () => {
    for (const socket of sockets) socket.destroy()
    await instance.destroy()
  })

  /** From this address of the loopback network; the first line heard. */
  async function come(from: string): Promise<{ readonly socket: Socket; readonly said: string }> {
    const socket = connect({ port: instance.ports.mx, host: '127.0.0.1', localAddress: from })
    sockets.add(socket.on('error', () => undefined))
    return { socket, said: await lineOf(socket) }
  }

  test('a rate holds over both, state shows it, and what is forgotten is let in again', async () => {
    // What tried the ports at the start has been counted.
    await instance.cli(['state', 'rm', MINE])
    let letIn = 0
    await eventually(async () => {
      const round = await Promise.all(Array.from({ length: 10 }, () => come('127.0.0.1')))
      letIn += round.filter(({ said }) => said.startsWith('220 ')).length
      for (const { said, socket } of round) {
        assert.match(said, /^220 |^421 4\.7\.0 Too many connections from your network, try again in /)
        socket.destroy()
      }
      const objectors = linesOf(instance.log).filter(({ rule }) => rule === 'connections-per-network')
      return new Set(objectors.map(({ worker }) => worker)).size === 2 ? true : undefined
    })
    assert.equal(letIn, RATE)
    const listed = await instance.cli(['state', 'ls', MINE, '--json'])
    const [entry] = JSON.parse(listed.stdout) as { kind: string; key: string; value: string }[]
    assert.deepEqual([entry?.kind, entry?.key], ['budget', MINE])
    const totals = JSON.parse((await instance.cli(['state', 'totals', '--json'])).stdout)
    assert.ok(totals.entries >= 1 && totals.octets < totals.most)
    const { stdout } = await instance.cli(['state', 'rm', MINE])
    assert.equal(stdout, `forgot ${MINE}\n`)
    const again = await come('127.0.0.1')
    assert.match(again.said, /^220 /)
    again.socket.destroy()
  })

  test('the log tells who, how much, which limit, and how to make an exception', async () => {
    const [line] = linesOf(instance.log).filter(({ rule }) => rule === 'connections-per-network')
    assert.match(
      String(line?.evidence),
      /^127\.0\.0\.1: 12 connections, 1 more wanted; the limit is 12 in 1d \(override 127\.0\.0\.1\)$/,
    )
    assert.match(String(line?.exception), /in plugins\.yaml, limits, rule connections-per-network/)
  })

  test('places hold over both, and those of workers that were killed are free again', async () => {
    const round = await Promise.all(Array.from({ length: PLACES + 10 }, () => come('127.0.0.2')))
    const inside = round.filter(({ said }) => said.startsWith('220 '))
    assert.equal(inside.length, PLACES)
    assert.match((await come('127.0.0.2')).said, /^421 4\.7\.0 Too many connections at the same time/)
    for (const pid of await workersOf(instance)) process.kill(pid, 'SIGKILL')
    for (const { socket } of inside) socket.destroy()
    await eventually(async () => {
      const { said, socket } = await come('127.0.0.2')
      socket.destroy()
      return said.startsWith('220 ') ? true : undefined
    })
  })

  test('a message is charged when it is taken, not when others refuse it', async () => {
    const heard: string[] = []
    for (const to of ['nobody', 'nobody', 'nobody', 'nobody', 'alice', 'alice', 'alice', 'alice'])
      heard.push(await sent(await come('127.0.0.3'), `${to}@example.test`))
    assert.deepEqual(
      heard.map(line => line.slice(0, 9)),
      [...Array(4).fill('550 5.1.1'), ...Array(3).fill('250 2.0.0'), '450 4.7.1'],
    )
    assert.match(
      heard.at(-1)!,
      /^450 4\.7\.1 Too many messages of this sender's domain, try again in [0-9dhm]+ \[[0-9a-z]+\.1\]$/,
    )
  })
})

async function workersOf(instance: Instance): Promise<readonly number[]> {
  const text = await readFile(`/proc/${instance.pid}/task/${instance.pid}/children`, 'utf8')
  return text.trim().split(' ').filter(Boolean).map(Number)
}

/** The last line of the next reply. */
function lineOf(socket: Socket): Promise<string> {
  return new Promise(resolve => {
    let text = ''
    const hear = (chunk: Buffer) => {
      text += chunk
      const found = /^(?:\d{3}-.*\r\n)*(\d{3} .*)\r\n/.exec(text)
      if (found !== null) end(found[1]!)
    }
    const close = () => end('')
    const end = (said: string) => {
      socket.off('data', hear).off('close', close)
      resolve(said)
    }
    socket.on('data', hear).on('close', close)
  })
}

/** The first refusal on the way, or what is said at its end. */
async function sent({ socket, said }: { readonly socket: Socket; readonly said: string }, to: string): Promise<string> {
  let last = said
  try {
    for (const line of [
      'EHLO x.test',
      'MAIL FROM:<a@counted.test>',
      `RCPT TO:<${to}>`,
      'DATA',
      'Subject: x\r\n\r\nx\r\n.',
    ]) {
      if (/^[45]/.test(last)) break
      socket.write(`${line}\r\n`)
      last = await lineOf(socket)
    }
    return last
  } finally {
    socket.destroy()
  }
}

function linesOf(log: string): readonly Readonly<Record<string, unknown>>[] {
  return log.split('\n').flatMap(line => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : []))
}
