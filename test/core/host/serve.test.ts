/** The supervisor with a tiny application: start, crash, hang, reload, drain. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { eventually, PATIENCE_MS } from '../../harness/instance.js'
import { freePort } from '../../harness/ports.js'

const TINY = fileURLToPath(new URL('../../harness/tiny-app.js', import.meta.url))

class Server {
  readonly dir: string
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  text = ''

  constructor(dir: string) {
    this.dir = dir
    this.child = spawn(process.execPath, [TINY, dir], { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on('data', (chunk: Buffer) => {
        this.text += chunk
      })
    }
    this.ended = once(this.child, 'exit').then(([code]) => code as number | null)
  }

  logged(pattern: RegExp): Promise<RegExpExecArray> {
    const look = () => pattern.exec(this.text) ?? undefined
    return eventually(look, PATIENCE_MS, () => `no ${pattern} in:\n${this.text}`)
  }

  async ready(): Promise<this> {
    await this.logged(/posthouse is ready/)
    return this
  }

  async dial(): Promise<Client> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new Client(socket)
  }

  /** Says one word on a connection of its own. */
  async ask(word: string): Promise<string> {
    const client = await this.dial()
    const answer = await client.ask(word)
    client.socket.destroy()
    return answer
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL')
    await this.ended
  }
}

class Client {
  readonly socket: Socket
  text = ''

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', chunk => {
      this.text += chunk
    })
    socket.on('error', () => undefined)
  }

  async ask(word: string): Promise<string> {
    this.text = ''
    this.socket.write(`${word}\n`)
    return eventually(() => /^(.*)\n/.exec(this.text)?.[1])
  }
}

/** A fixed one: with a single worker, port 0 is another one after its replacement. */
const port = await freePort()

const config = (more = '', name = 'one.example.test') =>
  `name: ${name}\ndomains: []\nlisteners: [{ name: mx, address: "127.0.0.1:${port}" }]\nworkers: 1\ndrain_timeout: 2s\n${more}`

async function withServer(text: string, work: (server: Server, dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-serve-'))
  await writeFile(join(dir, 'server.yaml'), text)
  await writeFile(join(dir, 'plugins.yaml'), '')
  const server = new Server(dir)
  try {
    await work(server, dir)
  } finally {
    await server.stop()
    await rm(dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

test('it starts, prints its doors, and SIGTERM ends it with 0', () =>
  withServer(config().replace('workers: 1', 'workers: 2'), async server => {
    await server.ready()
    await server.logged(/posthouse is ready: one\.example\.test, 2 workers/)
    await server.logged(/mx +smtp +127\.0\.0\.1:\d+ +TLS starttls/)
    assert.match(await server.ask('pid'), /^\d+$/)
    server.child.kill('SIGTERM')
    assert.equal(await server.ended, 0)
    assert.equal(server.text.match(/"msg":"closed"/g)?.length, 2)
  }))

test('a wrong configuration stops the start with all faults', () =>
  withServer('nmae: x\n', async server => {
    assert.equal(await server.ended, 1)
    assert.match(server.text, /server\.yaml:1:1: unknown key "nmae", did you mean "name"\?/)
    assert.match(server.text, /not started, \d faults in the configuration/)
  }))

test('an application that cannot start stops the start', () =>
  withServer(config('smtp: { banner: refuse }\n'), async server => {
    assert.equal(await server.ended, 1)
    assert.match(server.text, /not started: .*does not want to/)
  }))

test('a port that is taken stops the start, and says how to see by whom', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port: taken } = other.address() as AddressInfo
  try {
    await withServer(config().replace(`127.0.0.1:${port}`, `127.0.0.1:${taken}`), async server => {
      assert.equal(await server.ended, 1)
      assert.match(
        server.text,
        new RegExp(`not started: 127\\.0\\.0\\.1:${taken} is taken by another program; .*ss -ltnp`),
      )
    })
  } finally {
    other.close()
  }
})

test('a second server on the same data directory is refused', () =>
  withServer(config(), async (server, dir) => {
    await server.ready()
    const second = new Server(dir)
    assert.equal(await second.ended, 1)
    assert.match(
      second.text,
      new RegExp(`another posthouse \\(process ${server.child.pid}\\) runs on this data directory`),
    )
    assert.match(await server.ask('pid'), /^\d+$/)
  }))

for (const word of ['crash', 'bug']) {
  test(`a worker that ends by ${word} is replaced`, () =>
    withServer(config(), async server => {
      await server.ready()
      const client = await server.dial()
      const pid = await client.ask('pid')
      client.socket.write(`${word}\n`)
      await server.logged(/worker is back/)
      assert.match(server.text, /worker ended unasked and is replaced/)
      assert.notEqual(await server.ask('pid'), pid)
    }))
}

test('a worker whose event loop stands still is killed and replaced', () =>
  withServer(config(), async server => {
    await server.ready()
    const client = await server.dial()
    const pid = await client.ask('pid')
    client.socket.write('hang\n')
    await server.logged(/worker hangs and is killed/)
    await server.logged(/worker is back/)
    assert.notEqual(await server.ask('pid'), pid)
  }))

test('SIGHUP puts new workers on the new configuration, and open sessions finish on the old one', () =>
  withServer(config(), async (server, dir) => {
    await server.ready()
    const old = await server.dial()
    assert.equal(await old.ask('name'), 'one.example.test')
    await writeFile(join(dir, 'server.yaml'), config('', 'two.example.test'))
    server.child.kill('SIGHUP')
    await server.logged(/"msg":"reloaded"/)
    await eventually(() => (old.text.includes('draining') ? true : undefined))
    assert.equal(await server.ask('name'), 'two.example.test')
    assert.equal(await old.ask('name'), 'one.example.test')
    old.socket.write('bye\n')
    await once(old.socket, 'close')
    server.child.kill('SIGTERM')
    assert.equal(await server.ended, 0)
  }))

test('a SIGHUP during the start is not lost', () =>
  withServer(config('smtp: { banner: slow }\n'), async (server, dir) => {
    await server.logged(/starting slowly/)
    await writeFile(join(dir, 'server.yaml'), config('', 'two.example.test'))
    server.child.kill('SIGHUP')
    await server.logged(/"msg":"reloaded"/)
    assert.equal(await server.ask('name'), 'two.example.test')
  }))

test('a worker that ends while others still start is replaced', () =>
  withServer(config('smtp: { banner: frail }\n').replace('workers: 1', 'workers: 2'), async server => {
    await server.ready()
    await server.logged(/"worker":1,.*"msg":"worker is back"/)
  }))

test('SIGTERM while a reload starts its workers ends both generations in order', () =>
  withServer(config(), async (server, dir) => {
    await server.ready()
    await writeFile(join(dir, 'server.yaml'), config('smtp: { banner: slow }\n').replace('workers: 1', 'workers: 2'))
    server.child.kill('SIGHUP')
    await server.logged(/starting slowly/)
    server.child.kill('SIGTERM')
    assert.equal(await server.ended, 0)
    // the one that was starting was not killed half way, and no second one was begun
    assert.equal(server.text.match(/"msg":"closed"/g)?.length, 2)
    assert.equal(server.text.match(/starting slowly/g)?.length, 1)
  }))

test('no connection is refused while generations of two workers follow each other', () =>
  withServer(config().replace('workers: 1', 'workers: 2'), async server => {
    await server.ready()
    let asked = 0
    let over = false
    const asking = (async () => {
      // a session may be told of the draining before it has its answer
      for (; !over; asked++) assert.match(await server.ask('name'), /^(one\.example\.test|draining)$/)
    })()
    for (const round of [1, 2, 3]) {
      server.child.kill('SIGHUP')
      await Promise.race([
        asking,
        eventually(() => server.text.match(/"msg":"reloaded"/g)?.length === round || undefined),
      ])
    }
    over = true
    await asking
    assert.ok(asked > 10)
  }))

test('reloads leave no log file open', { skip: !existsSync('/proc/self/fd') && 'there is no /proc' }, () =>
  withServer(config('log: { file: posthouse.log }\n'), async (server, dir) => {
    await server.ready()
    const path = join(dir, 'posthouse.log')
    for (const round of [1, 2, 3]) {
      server.child.kill('SIGHUP')
      await eventually(
        async () => (await readFile(path, 'utf8')).match(/"msg":"reloaded"/g)?.length === round || undefined,
      )
    }
    // The last one is closed a moment after its line.
    await eventually(async () => {
      const fds = await readdir(`/proc/${server.child.pid}/fd`)
      const open = await Promise.all(fds.map(fd => readlink(`/proc/${server.child.pid}/fd/${fd}`).catch(() => '')))
      return open.filter(target => target === path).length === 1 || undefined
    })
  }),
)

const REFUSED: readonly (readonly [what: string, text: string, told: RegExp])[] = [
  ['with a fault', config('colour: red\n'), /"place":"[^"]*server\.yaml:6:1","fault":"unknown key \\"colour\\"/],
  ['that the application refuses', config('smtp: { banner: refuse }\n'), /reload refused.*|does not want to/],
  ['with another data directory', config('data: ./elsewhere\n'), /the data directory cannot change/],
]
for (const [what, text, told] of REFUSED) {
  test(`SIGHUP with a configuration ${what} is refused and the old one goes on`, () =>
    withServer(config(), async (server, dir) => {
      await server.ready()
      const pid = await server.ask('pid')
      await writeFile(join(dir, 'server.yaml'), text)
      server.child.kill('SIGHUP')
      await server.logged(/reload refused, the old configuration stays/)
      assert.match(server.text, told)
      assert.equal(await server.ask('pid'), pid)
    }))
}

test('a unix socket is as open as a port on loopback, goes through a reload, and is gone at the end', () =>
  withServer(config('', 'one.example.test'), async (server, dir) => {
    await server.ready()
    const path = join(dir, 'lmtp.sock')
    const listeners = `[{ name: mx, address: "127.0.0.1:${port}" }, { name: lmtp, protocol: lmtp, address: "unix:${path}" }]`
    await writeFile(join(dir, 'server.yaml'), config().replace(/\[\{.*\}\]/, listeners))
    for (const generation of [2, 3]) {
      server.child.kill('SIGHUP')
      await server.logged(new RegExp(`"generation":${generation}`))
      assert.equal((await stat(path)).mode & 0o777, 0o666)
      const client = new Client(connect(path))
      assert.match(await client.ask('pid'), /^\d+$/)
      client.socket.destroy()
    }
    server.child.kill('SIGTERM')
    assert.equal(await server.ended, 0)
    await assert.rejects(stat(path))
  }))

test('SIGTERM waits for open sessions, but not for ever', () =>
  withServer(config(), async server => {
    await server.ready()
    const client = await server.dial()
    await client.ask('pid')
    const begun = Date.now()
    server.child.kill('SIGTERM')
    await eventually(() => (client.text.includes('draining') ? true : undefined))
    // The kernel takes connections until the last process that shares the door has closed it.
    await eventually(() =>
      server.dial().then(
        late => void late.socket.destroy(),
        () => true,
      ),
    )
    assert.equal(await server.ended, 0)
    assert.ok(Date.now() - begun >= 1900, 'it did not wait')
    assert.match(server.text, /draining took too long/)
  }))

test('a second SIGTERM ends it at once', () =>
  withServer(config().replace('2s', '1h'), async server => {
    await server.ready()
    const client = await server.dial()
    await client.ask('pid')
    server.child.kill('SIGTERM')
    await server.logged(/ending: nothing new is accepted/)
    server.child.kill('SIGTERM')
    assert.equal(await server.ended, 0)
  }))

test('workers end when the supervisor is killed', () =>
  withServer(config(), async server => {
    await server.ready()
    const pid = Number(await server.ask('pid'))
    server.child.kill('SIGKILL')
    await eventually(() => (isAlive(pid) ? undefined : true))
  }))

test('SIGUSR2 opens the log file anew', () =>
  withServer(config('log: { file: ./mail.log }\n'), async (server, dir) => {
    await server.ready()
    const file = join(dir, 'mail.log')
    await rename(file, `${file}.1`)
    server.child.kill('SIGUSR2')
    await eventually(() => readFile(file, 'utf8').catch(() => undefined))
    server.child.kill('SIGTERM')
    assert.equal(await server.ended, 0)
    const text = await readFile(file, 'utf8')
    assert.match(text, /"worker":1,.*"msg":"closed"/)
    assert.match(text, /"msg":"ended"/)
  }))

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
