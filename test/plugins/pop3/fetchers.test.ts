/** Programs that fetch mail, left on the server and taken from it: each message once, and all of them. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runProgram } from '../../harness/programs.js'
import { program } from '../../harness/shared.js'
import { ALICE, file, type House, openHouse, PASSWORD, uidsOf } from './house.js'

interface Wish {
  readonly house: House
  /** Home of the program, with an empty Maildir `mail` in it. */
  readonly dir: string
  readonly keep: boolean
}

/** Fetches what is new. */
type Fetch = (path: string, wish: Wish) => Promise<void>

const fetchmail: Fetch = async (path, { house, dir, keep }) => {
  const to = `${keep ? 'keep' : 'fetchall no keep'} mda "${intoNew(dir)}"`
  const poll = `poll 127.0.0.1 service ${house.secure} protocol POP3 uidl user "${ALICE.login}" password "${PASSWORD}" ssl sslproto "auto" no sslcertck ${to}\n`
  await writeFile(join(dir, 'rc'), poll, { mode: 0o600 })
  const files = ['--pidfile', join(dir, 'pid'), '--idfile', join(dir, 'ids')]
  // 1: there was no mail
  await run(path, ['-f', join(dir, 'rc'), '--nosyslog', '--invisible', ...files], dir, [0, 1])
}

const getmail: Fetch = async (path, { house, dir, keep }) => {
  const retriever = `[retriever]\ntype = SimplePOP3SSLRetriever\nserver = 127.0.0.1\nport = ${house.secure}\nusername = ${ALICE.login}\npassword = ${PASSWORD}\nssl_cert_hostname =\n`
  // its own Maildir is not for root, who runs tests now and then
  const destination = `[destination]\ntype = MDA_external\npath = /bin/sh\narguments = ("-c", "${intoNew(dir)}")\nallow_root_commands = true\n`
  const options = `[options]\nread_all = false\ndelete = ${!keep}\ndelivered_to = false\nreceived = false\n`
  await writeFile(join(dir, 'getmailrc'), `${retriever}\n${destination}\n${options}`)
  await run(path, ['--getmaildir', dir], dir)
}

const mpop: Fetch = async (path, { house, dir, keep }) => {
  const server = ['--host=127.0.0.1', `--port=${house.secure}`, '--tls=on', '--tls-starttls=off', '--tls-certcheck=off']
  const who = ['--auth=user', `--user=${ALICE.login}`, `--passwordeval=echo ${PASSWORD}`]
  const what = [`--keep=${keep ? 'on' : 'off'}`, `--uidls-file=${dir}/uidls`, `--delivery=maildir,${dir}/mail`]
  await run(path, [...server, ...who, ...what, '--received-header=off'], dir)
}

function intoNew(dir: string): string {
  return `cat > ${dir}/mail/new/$(date +%s%N).$$`
}

async function run(path: string, args: readonly string[], dir: string, good: readonly number[] = [0]): Promise<void> {
  const { code, stdout, stderr } = await runProgram(path, args, { env: { HOME: dir } })
  assert.ok(good.includes(code!), `${path} ${args.join(' ')}: ${code}\n${stdout}\n${stderr}`)
}

const PROGRAMS: readonly (readonly [name: string, fetch: Fetch, rewrites: boolean])[] = [
  ['fetchmail', fetchmail, true],
  ['getmail', getmail, true],
  ['mpop', mpop, false],
]

const mail = (number: number) =>
  `From: a@example.test\r\nMessage-ID: <${number}@example.test>\r\nSubject: ${number}\r\n\r\n.dot ${number}\r\n..\r\nGrüße\r\n`

for (const [name, fetch, rewrites] of PROGRAMS) {
  const path = program(name)
  const skip = path === undefined && `no ${name} here`
  test(`${name}: what is left is fetched once, what is taken is gone`, { skip }, async t => {
    const house = await openHouse()
    const dir = await mkdtemp(join(tmpdir(), 'posthouse-fetch-'))
    t.after(async () => {
      await house.close()
      await rm(dir, { recursive: true, force: true })
    })
    for (const folder of ['cur', 'new', 'tmp']) await mkdir(join(dir, 'mail', folder), { recursive: true })
    const messages = Array.from({ length: 12 }, (_, at) => mail(at))
    await file(house.store, ...messages)

    await fetch(path!, { house, dir, keep: true })
    assert.deepEqual(await fetched(dir, rewrites), wanted(messages, rewrites))
    assert.equal((await uidsOf(house.store)).length, 12)
    await fetch(path!, { house, dir, keep: true })
    assert.equal((await readdir(join(dir, 'mail/new'))).length, 12, 'nothing twice')

    const more = mail(12)
    await file(house.store, more)
    await fetch(path!, { house, dir, keep: true })
    assert.deepEqual(await fetched(dir, rewrites), wanted([...messages, more], rewrites))

    for (const one of await readdir(join(dir, 'mail/new'))) await rm(join(dir, 'mail/new', one))
    await file(house.store, mail(13))
    await fetch(path!, { house, dir, keep: false })
    assert.deepEqual(await uidsOf(house.store), [])
    const got = await fetched(dir, rewrites)
    assert.ok(got.includes(wanted([mail(13)], rewrites)[0]!), 'the new one came')
  })
}

/** What came, sorted; of programs that write fields of their own only the body counts. */
async function fetched(dir: string, bodies: boolean): Promise<string[]> {
  const folder = join(dir, 'mail/new')
  const texts = await Promise.all((await readdir(folder)).map(one => readFile(join(folder, one), 'utf8')))
  return wanted(texts, bodies)
}

function wanted(messages: readonly string[], bodies: boolean): string[] {
  return messages
    .map(text => text.replaceAll('\r\n', '\n').trimEnd())
    .map(text => (bodies ? text.slice(text.indexOf('\n\n')) : text))
    .sort()
}
