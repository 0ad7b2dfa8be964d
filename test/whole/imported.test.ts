/** Accounts of another server on a started one: imported beside it, let in by every protocol, and hashed as ours afterwards. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'
import { MADE_ELSEWHERE } from '../plugins/auth-file/foreign/made-elsewhere.js'

const python = program('python3')

/** Logs in by IMAP, POP3 and SMTP with the right password and a wrong one; prints what each said. */
const LOG_IN = `
import imaplib, json, poplib, smtplib, ssl, sys
imap, pop3, smtp, password = sys.argv[1:5]
tls = ssl._create_unverified_context()
def by_imap(login, secret):
    client = imaplib.IMAP4("127.0.0.1", int(imap), timeout=60)
    client.starttls(tls)
    client.login(login, secret)
    client.logout()
def by_pop3(login, secret):
    client = poplib.POP3("127.0.0.1", int(pop3), timeout=60)
    client.stls(tls)
    client.user(login)
    client.pass_(secret)
    client.quit()
def by_smtp(login, secret):
    with smtplib.SMTP("127.0.0.1", int(smtp), timeout=60) as client:
        client.starttls(context=tls)
        client.login(login, secret)
heard = []
for at, login in enumerate(sys.argv[5:]):
    enter = (by_imap, by_pop3, by_smtp)[at % 3]
    # who was wrong waits a while
    for secret in (password + "!", password) if at < 6 else (password,):
        try:
            enter(login, secret)
            heard.append([login, secret == password, "in"])
        except Exception as error:
            heard.append([login, secret == password, "out"])
print(json.dumps(heard))
`

const PASSWORD = 'correct horse'
const HASHES = MADE_ELSEWHERE.filter(([password]) => password === PASSWORD).map(([, hash]) => hash)
const LOGINS = HASHES.map((_, at) => `user${at}@example.test`)

let instance: Instance
before(async () => {
  // A wrong password slows down the next login from there, which is another test's business.
  instance = await Instance.make({
    without: [...CONTENT, 'login-guard'],
    plugins: { 'auth-file': { cost: 12, scram_iterations: 4096 } },
  })
  await instance.start()
})
after(() => instance.destroy())

const kept = () => readFile(join(instance.dataDir, 'accounts.json'), 'utf8')

test('whoever could log in there can log in here, by every protocol', { skip: python === undefined }, async () => {
  const file = join(instance.dir, 'passwd')
  await writeFile(file, HASHES.map((hash, at) => `${LOGINS[at]}:${hash}\n`).join(''))
  const { stdout, stderr } = await instance.program(['user', 'import', file])
  assert.equal(stdout, `imported ${LOGINS.length} accounts\n`, stderr)
  const { imap, pop3, submission } = instance.ports
  const args = [String(imap), String(pop3), String(submission), PASSWORD, ...LOGINS]
  const { stdout: heard, stderr: trouble } = await runProgram(python!, ['-c', LOG_IN, ...args])
  assert.deepEqual(
    JSON.parse(heard || `"${trouble}"`),
    LOGINS.flatMap((login, at) => [...(at < 6 ? [[login, false, 'out']] : []), [login, true, 'in']]),
  )
  // Beside the running server, before it ends.
  await eventually(async () => (/\{[A-Z]/.test(await kept()) ? undefined : true))
  const { stdout: list } = await instance.cli(['user', 'list', '--json'])
  const schemes = (JSON.parse(list) as { login: string; passwordScheme: string }[])
    .filter(({ login }) => LOGINS.includes(login))
    .map(({ passwordScheme }) => passwordScheme)
  assert.deepEqual([schemes.length, [...new Set(schemes)]], [LOGINS.length, ['SCRYPT']])
  const { stdout: used } = await instance.cli(['user', 'logins', '--json'])
  const protocols = (JSON.parse(used) as { login: string; logins: { protocol: string }[] }[])
    .filter(({ login }) => LOGINS.includes(login))
    .map(({ logins }) => logins.map(({ protocol }) => protocol).join())
  assert.deepEqual([...new Set(protocols)].sort(), ['imap', 'pop3', 'smtp'], 'one protocol for each')
  const again = await runProgram(python!, ['-c', LOG_IN, ...args.slice(0, 7)])
  assert.deepEqual(
    (JSON.parse(again.stdout || `"${again.stderr}"`) as [string, boolean, string][]).map(([, , what]) => what),
    ['out', 'in', 'out', 'in', 'out', 'in'],
  )
})
