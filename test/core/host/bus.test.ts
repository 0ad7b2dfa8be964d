/** News between processes over the control socket. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BusClient, DataDirBusy, holdControlSocket, joinBus } from '../../../core/host/bus.js'
import { eventually } from '../../harness/instance.js'
import { quietLog } from '../../harness/log.js'

async function inDir(work: (path: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-bus-'))
  try {
    await work(join(dir, 'control.sock'))
  } finally {
    await rm(dir, { recursive: true })
  }
}

function hearing(bus: BusClient, topic = 'mail'): string[] {
  const heard: string[] = []
  bus.subscribe(topic, payload => heard.push(payload))
  return heard
}

test('news reaches all others, and not its sender', () =>
  inDir(async path => {
    const held = await holdControlSocket(path, () => quietLog)
    const join = () => joinBus(path, () => quietLog, true)
    const [one, two, three] = [join(), join(), join()] as const
    const heard = [one, two, three].map(bus => hearing(bus))
    await eventually(() => {
      two.publish('mail', 'are you there?')
      return heard[0]!.length > 0 && heard[2]!.length > 0 ? true : undefined
    })
    one.publish('mail', 'hello')
    one.publish('other', 'not for you')
    await eventually(() => (heard[1]!.includes('hello') && heard[2]!.includes('hello') ? true : undefined))
    assert.ok(!heard[0]!.includes('hello'))
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    await Promise.all([one.close(), two.close(), three.close()])
    await held.close()
  }))

test('a command without a running server publishes into nothing and ends', () =>
  inDir(async path => {
    const bus = joinBus(path, () => quietLog, false)
    bus.publish('mail', 'hello')
    await bus.close()
  }))

test('a command that ends at once has told its news', () =>
  inDir(async path => {
    const held = await holdControlSocket(path, () => quietLog)
    const worker = joinBus(path, () => quietLog, true)
    const heard = hearing(worker)
    await sleep(50)
    const command = joinBus(path, () => quietLog, false)
    command.publish('mail', 'from a command')
    await command.close()
    await eventually(() => (heard.length > 0 ? true : undefined))
    await worker.close()
    await held.close()
  }))

test('workers find the control socket again', () =>
  inDir(async path => {
    const first = await holdControlSocket(path, () => quietLog)
    const [one, two] = [joinBus(path, () => quietLog, true), joinBus(path, () => quietLog, true)]
    const heard = hearing(two)
    await sleep(50)
    await first.close()
    const second = await holdControlSocket(path, () => quietLog)
    await eventually(() => {
      one.publish('mail', 'again')
      return heard.length > 0 ? true : undefined
    })
    await Promise.all([one.close(), two.close()])
    await second.close()
  }))

test('a data directory is held by one server', () =>
  inDir(async path => {
    const held = await holdControlSocket(path, () => quietLog)
    await assert.rejects(
      holdControlSocket(path, () => quietLog),
      (error: Error) => {
        assert.ok(error instanceof DataDirBusy)
        assert.match(error.message, new RegExp(`process ${process.pid}`))
        return true
      },
    )
    await held.close()
  }))

test('a socket that was left behind is taken over', () =>
  inDir(async path => {
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
    const { spawn } = await import('node:child_process')
    await once(spawn(process.execPath, ['-e', script]), 'exit')
    assert.ok((await stat(path)).isSocket())
    await (await holdControlSocket(path, () => quietLog)).close()
  }))

test('who sends too long a line, or no news, disturbs nobody', () =>
  inDir(async path => {
    const held = await holdControlSocket(path, () => quietLog)
    const worker = joinBus(path, () => quietLog, true)
    const heard = hearing(worker)
    const odd = connect(path)
    odd.on('error', () => undefined)
    odd.write('not json\n[]\nnull\n{"topic":7}\n')
    odd.write('x'.repeat(200_000))
    await new Promise(done => odd.once('close', done))
    assert.deepEqual(heard, [])
    await worker.close()
    await held.close()
  }))

test('a stranger on the socket path counts as somebody else', () =>
  inDir(async path => {
    const stranger = createServer(socket => socket.end()).listen(path)
    await once(stranger, 'listening')
    await assert.rejects(
      holdControlSocket(path, () => quietLog),
      DataDirBusy,
    )
    stranger.close()
  }))
