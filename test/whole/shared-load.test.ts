/** Two workers share what comes, also when one of them is first at every connection, and when the other ends; in clear and by implicit TLS. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { CONTENT, eventually, Instance } from '../harness/instance.js'

const COUNT = 40
/** One that has said nothing since gets no more. */
const SHARE = 16

let instance: Instance
let second: number

before(async () => {
  instance = await Instance.make({ without: CONTENT, server: { workers: 2 } })
  await instance.start()
  await instance.logged(/"msg":"ready"/)
  const text = await readFile(`/proc/${instance.pid}/task/${instance.pid}/children`, 'utf8')
  const pids = text.trim().split(' ').map(Number)
  assert.equal(pids.length, 2)
  second = pids[1]!
})
after(async () => {
  await instance.destroy()
})

interface Client {
  readonly socket: Socket
  said: string
}

function come(port: number, tls: boolean): Client {
  const socket = tls ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }) : connect(port, '127.0.0.1')
  const client: Client = { socket, said: '' }
  socket.on('error', () => undefined)
  socket.on('data', chunk => {
    client.said += chunk
  })
  return client
}

/** How many of the sessions with these names ended at the second worker. */
async function endedAtSecond(helo: string): Promise<number> {
  const lines = () =>
    instance.log.split('\n').filter(line => line.includes(`"helo":"${helo}"`) && line.includes('session ended'))
  await eventually(() => (lines().length >= COUNT ? true : undefined))
  return lines().filter(line => line.includes('"worker":2')).length
}

for (const door of ['mx', 'submissions'] as const) {
  test(`at ${door}, one of two that stands still gets some of what the other accepts, and all are served`, async () => {
    let round = 0
    await eventually(async () => {
      const helo = `${door}-${round++}.example`
      process.kill(second, 'SIGSTOP')
      const clients = Array.from({ length: COUNT }, () => come(instance.ports[door], door === 'submissions'))
      // All but those that wait for the second worker.
      await eventually(() => (clients.filter(({ said }) => said !== '').length >= COUNT - SHARE ? true : undefined))
      process.kill(second, 'SIGCONT')
      await eventually(() => (clients.every(({ said }) => said.startsWith('220 ')) ? true : undefined))
      for (const { socket } of clients) socket.write(`EHLO ${helo}\r\nQUIT\r\n`)
      await eventually(() => (clients.every(({ said }) => /^221 /m.test(said)) ? true : undefined))
      for (const { socket } of clients) socket.destroy()
      // In the first moments the workers do not know of each other.
      return (await endedAtSecond(helo)) >= 10 ? true : undefined
    })
  })
}

/** Clients some of whom wait for the second worker, which stands still. */
async function someWaiting(): Promise<readonly Client[]> {
  return eventually(async () => {
    process.kill(second, 'SIGSTOP')
    const clients = Array.from({ length: COUNT }, () => come(instance.ports.mx, false))
    await eventually(() => (clients.filter(({ said }) => said !== '').length >= COUNT - SHARE ? true : undefined))
    if (clients.filter(({ said }) => said === '').length > 1) return clients
    // The first has kept them: what the workers know of each other's load was old.
    process.kill(second, 'SIGCONT')
    for (const { socket } of clients) socket.destroy()
    return undefined
  })
}

test('what was on its way to a worker that is killed is served by another', async () => {
  const clients = await someWaiting()
  const waiting = clients.filter(({ said }) => said === '')
  process.kill(second, 'SIGKILL')
  // The first of them may have been with it already.
  await eventually(() =>
    waiting.filter(({ said }) => said.startsWith('220 ')).length >= waiting.length - 1 ? true : undefined,
  )
  for (const { socket } of clients) socket.destroy()
  await instance.logged(/worker is back/)
})
