/** Limits of connections with two workers: one network has its share of the server, whichever worker it comes to. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { CONTENT, eventually, Instance } from '../harness/instance.js'

const LIMIT = 3

let instance: Instance
let workers: [number, number]
const sockets: Socket[] = []

before(async () => {
  instance = await Instance.make({
    without: CONTENT,
    server: { workers: 2, limits: { connections_per_network: LIMIT, exempt: [] } },
  })
  await instance.start()
  workers = await eventually(async () => {
    const text = await readFile(`/proc/${instance.pid}/task/${instance.pid}/children`, 'utf8')
    const pids = text.trim().split(' ').map(Number)
    return pids.length === 2 ? (pids as [number, number]) : undefined
  })
  await instance.logged(/"msg":"ready"/)
})
after(async () => {
  for (const pid of workers ?? []) process.kill(pid, 'SIGCONT')
  for (const socket of sockets) socket.destroy()
  await instance.destroy()
})

/** Stops one worker, so that the other takes what comes. Far shorter than the supervisor is patient. */
async function onlyAt<T>(worker: 0 | 1, work: () => Promise<T>): Promise<T> {
  const other = workers[1 - worker]!
  process.kill(other, 'SIGSTOP')
  try {
    return await work()
  } finally {
    process.kill(other, 'SIGCONT')
  }
}

/** The first reply; a connection that was let in stays open with `keep`. */
async function come(port: number, keep: boolean): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket.on('error', () => undefined))
  const said = await new Promise<string>(resolve => {
    socket.once('data', chunk => resolve(String(chunk)))
    socket.once('close', () => resolve(''))
  })
  if (!keep) socket.destroy()
  return said
}

const { mx, pop3 } = { mx: () => instance.ports.mx, pop3: () => instance.ports.pop3 }

/** What is told takes a moment in which both must run; until then somebody may be let in. */
async function refused(worker: 0 | 1): Promise<void> {
  await eventually(async () => {
    const said = await onlyAt(worker, () => come(mx(), false))
    return said.startsWith('421 4.3.2 Too many') ? true : undefined
  })
  await onlyAt(worker, async () => {
    for (let at = 0; at < 5; at++) assert.match(await come(mx(), false), /^421 4\.3\.2 Too many connections/)
    assert.match(await come(pop3(), false), /^-ERR \[SYS\/TEMP\] Too many connections/)
  })
}

test('one network gets its share at two workers together, then neither lets it in, and both do when somebody leaves', async () => {
  // What tried the ports at the start is gone.
  for (const at of [0, 1] as const)
    await onlyAt(at, () => eventually(async () => (/^220 /.test(await come(mx(), at === 0)) ? true : undefined)))
  await onlyAt(1, async () => {
    await eventually(async () => (/^220 /.test(await come(mx(), true)) ? true : undefined))
    await eventually(async () => (/^220 /.test(await come(mx(), true)) ? true : undefined))
  })
  const open = () => sockets.filter(({ destroyed, readableEnded }) => !destroyed && !readableEnded)
  assert.equal(open().length, LIMIT)
  await refused(0)
  await refused(1)
  assert.equal(open().length, LIMIT)
  open()[0]!.destroy()
  for (const at of [1, 0] as const) {
    await eventually(async () => {
      const said = await onlyAt(at, () => come(mx(), false))
      return said.startsWith('220 ') ? true : undefined
    })
  }
})
