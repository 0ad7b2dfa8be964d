/** Clients we did not write, over clear text with STLS and over TLS. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runProgram } from '../../harness/programs.js'
import { program, sharedDir } from '../../harness/shared.js'
import { ALICE, file, type House, openHouse, PASSWORD, uidsOf } from './house.js'

const python = program('python3')
const curl = program('curl')
const shared = sharedDir()
const MESSAGE = 'Subject: one\r\n\r\nfirst\r\n.dot\r\nlast\r\n'

let house: House
before(async () => {
  house = await openHouse()
})
after(() => house.close())

const SESSION = `
import json, poplib, ssl, sys
poplib._MAXLINE = 10_000_000
clear, secure, login, password = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
context = ssl._create_unverified_context()
said = {}
pop = poplib.POP3("127.0.0.1", clear, timeout=60)
said["clear"] = sorted(pop.capa())
try:
    pop.user(login)
    said["user in clear"] = "accepted"
except poplib.error_proto as error:
    said["user in clear"] = error.args[0].decode()
pop.stls(context)
said["secure"] = sorted(pop.capa())
pop.user(login)
pop.pass_(password)
said["stat"] = pop.stat()
said["list"] = [line.decode() for line in pop.list()[1]]
said["retr"] = b"\\r\\n".join(pop.retr(1)[1]).decode()
said["top"] = b"\\r\\n".join(pop.top(1, 1)[1]).decode()
said["uidl"] = len(pop.uidl()[1])
pop.dele(1)
pop.rset()
pop.quit()
pop = poplib.POP3_SSL("127.0.0.1", secure, timeout=60, context=context)
pop.user(login)
pop.pass_(password)
said["after"] = pop.stat()[0]
pop.dele(1)
pop.quit()
print(json.dumps(said))
`

test("Python's poplib has a whole session", { skip: python === undefined && 'no python3 here' }, async () => {
  await file(house.store, MESSAGE)
  const ports = [String(house.clear), String(house.secure)]
  const { code, stdout, stderr } = await runProgram(python!, ['-c', SESSION, ...ports, ALICE.login, PASSWORD])
  assert.equal(code, 0, stderr)
  const said = JSON.parse(stdout)
  assert.ok(said.clear.includes('STLS') && !said.clear.includes('USER'))
  assert.equal(said['user in clear'], '-ERR Logging in needs TLS first, say STLS')
  assert.ok(said.secure.includes('USER') && !said.secure.includes('STLS'))
  assert.deepEqual(said.stat, [1, MESSAGE.length])
  assert.deepEqual(said.list, [`1 ${MESSAGE.length}`])
  assert.equal(`${said.retr}\r\n`, MESSAGE)
  assert.equal(said.top, 'Subject: one\r\n\r\nfirst')
  assert.equal(said.uidl, 1)
  assert.equal(said.after, 1)
  assert.deepEqual(await uidsOf(house.store), [])
})

test('curl logs in by SASL and fetches', { skip: curl === undefined && 'no curl here' }, async () => {
  const [uid] = await file(house.store, MESSAGE)
  for (const url of [`pop3s://127.0.0.1:${house.secure}/1`, `pop3://127.0.0.1:${house.clear}/1`]) {
    const args = ['-sS', '-k', '--ssl-reqd', '-u', `${ALICE.login}:${PASSWORD}`, url]
    const { code, stdout, stderr } = await runProgram(curl!, args)
    assert.equal(code, 0, stderr)
    assert.equal(stdout, MESSAGE)
  }
  const wrong = await runProgram(curl!, ['-sS', '-k', '-u', `${ALICE.login}:no`, `pop3s://127.0.0.1:${house.secure}/1`])
  assert.equal(wrong.code, 67)
  assert.ok((await uidsOf(house.store)).includes(uid!))
})

const FETCH_ALL = `
import hashlib, poplib, ssl, sys
poplib._MAXLINE = 10_000_000
pop = poplib.POP3_SSL("127.0.0.1", int(sys.argv[1]), timeout=60, context=ssl._create_unverified_context())
if sys.argv[4] == "utf8":
    pop.utf8()
pop.user(sys.argv[2])
pop.pass_(sys.argv[3])
for number in range(1, pop.stat()[0] + 1):
    octets = b"\\r\\n".join(pop.retr(number)[1]) + b"\\r\\n"
    header = octets.split(b"\\r\\n\\r\\n", 1)[0]
    print(hashlib.sha256(octets).hexdigest(), header.isascii())
pop.quit()
`

const missing = python === undefined ? 'no python3 here' : shared === undefined && 'no shared material here'
test('every message of the sample comes back byte for byte; without UTF8 its header is in ASCII', {
  skip: missing,
}, async () => {
  const own = await openHouse()
  const folder = join(shared!, 'data', 'mail-sample')
  const messages = readdirSync(folder).map(name => {
    const text = readFileSync(join(folder, name), 'latin1').replace(/\r\n|\r|\n/g, '\r\n')
    return Buffer.from(text.endsWith('\r\n') ? text : `${text}\r\n`, 'latin1')
  })
  await file(own.store, ...messages)
  const fetched = async (mode: string) => {
    const args = ['-c', FETCH_ALL, String(own.secure), ALICE.login, PASSWORD, mode]
    const { code, stdout, stderr } = await runProgram(python!, args)
    assert.equal(code, 0, stderr)
    return stdout
      .trim()
      .split('\n')
      .map(line => line.split(' '))
  }
  const whole = await fetched('utf8')
  const plain = await fetched('ascii')
  await own.close()
  const sums = messages.map(message => createHash('sha256').update(message).digest('hex'))
  assert.deepEqual(
    whole.map(([sum]) => sum),
    sums,
  )
  assert.ok(whole.some(([, ascii]) => ascii === 'False'))
  for (const [at, [sum, ascii]] of plain.entries()) {
    assert.equal(ascii, 'True')
    if (whole[at]![1] === 'True') assert.equal(sum, sums[at])
  }
})
