/** Open sessions of an account that is closed, gets another password or is told to go: they end, in all workers, and nobody else's do. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { CONTENT, eventually, Instance } from '../harness/instance.js'

const PASSWORD = 'correct horse'
const USERS = ['alice', 'bob', 'carol', 'dave'].map(name => [`${name}@example.test`, PASSWORD] as const)

let instance: Instance
before(async () => {
  instance = await Instance.make({
    without: CONTENT,
    server: { workers: 2 },
    // In clear, as this is about something else.
    plugins: { imap: { cleartext_auth: true }, pop3: { cleartext_auth: true }, 'auth-file': { cost: 12 } },
    users: USERS,
  })
  await instance.start()
})
after(() => instance.destroy())

interface Talk {
  readonly ended: Promise<void>
  isOpen(): boolean
  end(): void
}

const open: Socket[] = []
after(() => {
  for (const socket of open) socket.destroy()
})

/** Logged in; waits as a mail program that idles. */
async function enter(port: number, line: string, welcome: RegExp): Promise<Talk> {
  const socket = connect(port, '127.0.0.1')
  open.push(socket)
  let heard = ''
  let isOpen = true
  const ended = new Promise<void>(resolve => {
    socket.on('close', () => {
      isOpen = false
      resolve()
    })
  })
  socket.on('error', () => undefined)
  socket.on('data', chunk => {
    heard += String(chunk)
  })
  await eventually(() => (heard === '' ? undefined : true))
  socket.write(line)
  await eventually(
    () => (welcome.test(heard) ? true : undefined),
    undefined,
    () => heard,
  )
  return { ended, isOpen: () => isOpen, end: () => socket.destroy() }
}

const byImap = (login: string) => enter(instance.ports.imap, `a LOGIN ${login} "${PASSWORD}"\r\nb IDLE\r\n`, /^\+ /m)
const byPop3 = (login: string) =>
  enter(instance.ports.pop3, `USER ${login}\r\nPASS ${PASSWORD}\r\n`, /^\+OK.*\r\n\+OK.*\r\n\+OK/)

for (const [login, args, what] of [
  ['alice@example.test', ['user', 'change', 'alice@example.test', '--disable'], 'that is disabled'],
  ['bob@example.test', ['user', 'passwd', 'bob@example.test'], 'with a new password'],
  ['carol@example.test', ['user', 'disconnect', 'carol@example.test'], 'that is told to go'],
] as const) {
  test(`sessions of an account ${what} end, however many, and others stay`, async () => {
    const theirs = [await byImap(login), await byImap(login), await byImap(login), await byPop3(login)]
    const other = await byImap('dave@example.test')
    const { code, stderr } = await instance.cli(args)
    assert.equal(code, 0, stderr)
    await Promise.all(theirs.map(({ ended }) => ended))
    assert.equal(other.isOpen(), true)
    other.end()
    await instance.logged(/"msg":"sessions of an account ended"/)
  })
}

test('sessions of an account that is removed end', async () => {
  const idle = await byImap('dave@example.test')
  await instance.cli(['user', 'remove', 'dave@example.test'])
  await idle.ended
})
