/** Accounts of other servers: taken in with their hashes, let in with their passwords, and hashed as ours from then on. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { CommandError } from '../../../../core/api/index.js'
import { runCommand } from '../../../harness/context.js'
import { rememberingLog } from '../../../harness/log.js'
import { add, FAILED, install, logIn } from '../install.js'
import { MADE_ELSEWHERE } from './made-elsewhere.js'

const hashOf = (start: string) => MADE_ELSEWHERE.find(([, hash]) => hash.startsWith(start))!
const [PASSWORD, SSHA512] = hashOf('{SSHA512}')
const [, SHA512_CRYPT] = hashOf('{SHA512-CRYPT}')
const [, SCRAM] = hashOf('{SCRAM-SHA-256}')
const [, BCRYPT] = hashOf('{BLF-CRYPT}')

const DOVECOT = `# people
alice@example.test:${SSHA512}::::::userdb_quota_rule=*:storage=2G:messages=1000 userdb_mail=maildir:~/Maildir
bob@example.test:${SHA512_CRYPT}:1001:1001:Bob,,,:/srv/bob:/bin/sh:userdb_quota_rule2=Trash:storage=+100M nologin

carol:${BCRYPT}
dave@second.test:{PLAIN}open sesame::::::userdb_quota_storage_size=500M userdb_quota_message_count=7
daemon:*:1:1::/:/usr/sbin/nologin
locked:!$6$salt$sum:19000:0:99999:7:::
robot@example.test:${SSHA512}::::::nopassword
`

async function take(text: string, args: readonly string[] = [], options: Record<string, string | boolean> = {}) {
  const log = rememberingLog()
  const installed = await install({}, { log })
  const file = join(installed.dataDir, 'passwd')
  writeFileSync(file, text)
  const run = (more: Record<string, string | boolean> = {}, json = false) =>
    runCommand(installed.commands, 'user import', [file, ...args], { options: { ...options, ...more }, json })
  const stored = () => readFileSync(join(installed.dataDir, 'accounts.json'), 'utf8')
  return { installed, run, stored, log, file }
}

describe('an import', () => {
  test('takes names, hashes, quotas and locks, and leaves out who has no password', async () => {
    const { installed, run, stored } = await take(DOVECOT)
    assert.deepEqual((await run()).out, ['imported 4 accounts; 3 without a password were left out'])
    const seen = async (login: string) => {
      const found = await installed.accounts.byLogin(login)
      return [found?.login, found?.addresses, found?.quotaBytes, found?.quotaMessages, found?.disabled]
    }
    assert.deepEqual(await seen('alice@example.test'), [
      'alice@example.test',
      ['alice@example.test'],
      2 * 1024 ** 3,
      1000,
      undefined,
    ])
    assert.deepEqual((await seen('bob@example.test')).slice(2), [undefined, undefined, true])
    assert.deepEqual((await seen('carol')).slice(0, 2), ['carol', ['carol@example.test']])
    assert.deepEqual((await seen('dave@second.test')).slice(2), [500 * 1024 ** 2, 7, undefined])
    assert.equal(await installed.accounts.byLogin('daemon'), undefined)
    assert.doesNotMatch(stored(), /sesame/)
    assert.match((await runCommand(installed.commands, 'user list')).out.join(), /as another server kept it/)
  })

  test('lets in whoever has the password, and nobody else', async () => {
    const { installed, run } = await take(DOVECOT)
    await run()
    for (const [login, password] of [
      ['alice@example.test', PASSWORD],
      ['carol', PASSWORD],
      ['carol@example.test', PASSWORD],
      ['dave@second.test', 'open sesame'],
    ] as const) {
      assert.deepEqual(await logIn(installed, login, `${password}!`), FAILED, login)
      assert.deepEqual(await logIn(installed, login, ''), FAILED, login)
      assert.equal((await logIn(installed, login, password))?.kind, 'authenticated', login)
    }
    assert.deepEqual(await logIn(installed, 'bob@example.test', PASSWORD), FAILED, 'he is locked')
    await installed.dispose()
  })

  test('can be run again, and takes what is new', async () => {
    const { installed, run, file } = await take(DOVECOT)
    await run()
    const before = await installed.accounts.byLogin('alice@example.test')
    writeFileSync(file, `${DOVECOT}erna@example.test:${SSHA512}\n`)
    assert.match(String((await run()).out[0]), /^imported 1 accounts; 4 were there already/)
    assert.deepEqual(await installed.accounts.byLogin('alice@example.test'), before)
  })

  test('takes nothing where a line is wrong, says which, and leaves it out when told to', async () => {
    const wrong = [
      'no-colon',
      'des@example.test:ab0123456789.',
      `far@elsewhere.test:${SSHA512}`,
      `a b@example.test:${SSHA512}`,
      `alice@example.test:${SSHA512}`,
      `sales@example.test:${SSHA512}`,
    ]
    const { installed, run } = await take(`${DOVECOT}${wrong.join('\n')}\n`)
    await add(installed, ['shop', 'sales@example.test'])
    await assert.rejects(
      () => run(),
      (error: unknown) => {
        assert.ok(error instanceof CommandError)
        for (const sentence of [
          /passwd:10: expected name:hash/,
          /passwd:11: des@example\.test: its password hash of the scheme DES-CRYPT is cut/,
          /passwd:12: far@elsewhere\.test: elsewhere\.test is not among the domains/,
          /passwd:13: a b@example\.test: "a b@example\.test" cannot be a login name/,
          /passwd:14: alice@example\.test: stands in line 2 already/,
          /nothing was imported; --skip leaves these lines out/,
        ])
          assert.match(error.message, sentence)
        return true
      },
    )
    assert.equal((await installed.accounts.list()).length, 1)
    const { out, err } = await run({ skip: true })
    assert.match(String(out[0]), /^imported 4 accounts; 3 without a password were left out; 6 could not be taken$/)
    assert.match(err.join('\n'), /left out 15: sales@example\.test: sales@example\.test already belongs to shop/)
  })

  test('says what it would do and does nothing, where only that is wanted', async () => {
    const { installed, run } = await take(DOVECOT, [], { 'dry-run': true })
    assert.match(String((await run()).out[0]), /^would import 4 accounts/)
    const told = JSON.parse(String((await run({}, true)).out[0])) as { imported: string[]; dryRun: boolean }
    assert.deepEqual([told.imported.length, told.dryRun], [4, true])
    assert.deepEqual(await installed.accounts.list(), [])
  })

  test('takes only those who are named, with a domain and a scheme where the file says neither', async () => {
    const { installed, run } = await take('anna:sesame one\nbert:sesame two\n', ['anna'], {
      domain: 'second.test',
      scheme: 'plain',
    })
    await run()
    assert.deepEqual(
      (await installed.accounts.list()).map(({ login, addresses }) => [login, addresses]),
      [['anna@second.test', ['anna@second.test']]],
    )
    assert.equal((await logIn(installed, 'anna@second.test', 'sesame one'))?.kind, 'authenticated')
  })

  test('is read from standard input too, for files that only root may read', async () => {
    const { installed } = await take('')
    await runCommand(installed.commands, 'user import', ['-', 'carol'], { stdin: DOVECOT })
    assert.equal((await logIn(installed, 'carol', PASSWORD))?.kind, 'authenticated')
  })

  test('of somebody who does not stand there takes nothing', async () => {
    const { installed, run } = await take(DOVECOT, ['carol', 'karol'])
    await assert.rejects(
      () => run(),
      (error: unknown) => error instanceof CommandError && /has no line for karol$/.test(error.message),
    )
    assert.deepEqual(await installed.accounts.list(), [])
  })

  test('takes an Apache file and a shadow file as they are', async () => {
    const [, apr1] = hashOf('{CRYPT}$apr1$')
    const { installed, run } = await take(
      `web:${apr1.slice(7)}\nroot:*:19000:0:99999:7:::\nshadow:${SHA512_CRYPT.slice(14)}:19000:0:99999:7:::\n`,
    )
    assert.match(String((await run()).out[0]), /^imported 2 accounts; 1 without/)
    for (const login of ['web', 'shadow'])
      assert.equal((await logIn(installed, login, PASSWORD))?.kind, 'authenticated', login)
    await installed.dispose()
  })

  test('of SCRAM keys gives SCRAM at once', async () => {
    const { installed, run } = await take(`alice@example.test:${SCRAM}\n`)
    await run()
    const keys = await installed.accounts.scramKeys!('alice@example.test', 'SCRAM-SHA-256', 'imap')
    assert.equal(keys?.candidates.length, 1)
    assert.equal(await installed.accounts.scramKeys!('alice@example.test', 'SCRAM-SHA-1', 'imap'), undefined)
    assert.equal((await logIn(installed, 'alice@example.test', PASSWORD))?.kind, 'authenticated')
    await installed.dispose()
  })

  test('of a file that is not there is said in a sentence', async () => {
    const installed = await install()
    await assert.rejects(
      () => runCommand(installed.commands, 'user import', [join(installed.dataDir, 'none')]),
      (error: unknown) => error instanceof CommandError && /ENOENT/.test(error.message),
    )
  })
})

describe('a hash of another server', () => {
  test('is ours after the first good login, with SCRAM keys, and the password stays the same', async () => {
    const { installed, run, stored, log } = await take(DOVECOT)
    await run()
    await logIn(installed, 'alice@example.test', 'wrong')
    await logIn(installed, 'alice@example.test', PASSWORD)
    await logIn(installed, 'carol', PASSWORD)
    await installed.dispose()
    assert.doesNotMatch(stored(), /SSHA512|BLF-CRYPT/)
    assert.match(stored(), /SHA512-CRYPT/, 'who has not logged in keeps the old one')
    const later = await install({}, {}, installed.dataDir)
    assert.equal((await logIn(later, 'alice@example.test', PASSWORD))?.kind, 'authenticated')
    assert.deepEqual(await logIn(later, 'alice@example.test', 'wrong'), FAILED)
    assert.notEqual(await later.accounts.scramKeys!('alice@example.test', 'SCRAM-SHA-1', 'imap'), undefined)
    assert.deepEqual(
      log.lines.filter(({ sentence }) => sentence.startsWith('passwords of another')).map(({ facts }) => facts),
      [{ accounts: 2 }],
    )
  })

  test('does not take the place of a password that was set meanwhile', async () => {
    const { installed, run } = await take(DOVECOT)
    await run()
    await logIn(installed, 'alice@example.test', PASSWORD)
    await runCommand(installed.commands, 'user passwd', ['alice@example.test'], {
      options: { 'password-stdin': true },
      stdin: 'a new one\n',
    })
    await installed.dispose()
    const later = await install({}, {}, installed.dataDir)
    assert.equal((await logIn(later, 'alice@example.test', 'a new one'))?.kind, 'authenticated')
    assert.deepEqual(await logIn(later, 'alice@example.test', PASSWORD), FAILED)
  })

  test('goes on with an app password that was made beside it', async () => {
    const { installed, run, stored } = await take(DOVECOT)
    await run()
    const { out } = await runCommand(installed.commands, 'user app-password add', ['alice@example.test', 'phone'])
    const phone = /[a-z2-9]{5}(?:-[a-z2-9]{5}){4}/.exec(out.join('\n'))![0]
    await logIn(installed, 'alice@example.test', PASSWORD)
    await installed.dispose()
    assert.doesNotMatch(stored(), /SSHA512/)
    const later = await install({}, {}, installed.dataDir)
    const keys = await later.accounts.scramKeys!('alice@example.test', 'SCRAM-SHA-256', 'smtp')
    assert.equal(keys?.candidates.length, 2)
    for (const password of [PASSWORD, phone])
      assert.equal((await logIn(later, 'alice@example.test', password))?.kind, 'authenticated')
  })
})
