/**
 * A move from a real Dovecot, seen by the clients of one user: what IMAP and POP3 show is the same before and after, mbsync goes on with its state
 * and transfers nothing, fetchmail and mpop fetch nothing twice.
 */
import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Dovecot, noDovecot } from '../harness/dovecot.js'
import { Instance, ROOT } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { clientsOf, type MailPorts } from './moving-clients.js'

const LOGIN = 'ann@example.test'
const PASSWORD = 'secret-words'

const CLIENTS = clientsOf({ login: LOGIN, password: PASSWORD })

const KINDS = {
  maildir: { location: 'maildir:~/Maildir', args: (home: string) => [join(home, 'Maildir')] },
  mbox: {
    location: 'mbox:~/mail:INBOX=~/inbox',
    args: (home: string) => [join(home, 'mail'), '--inbox', join(home, 'inbox')],
  },
} as const

for (const [kind, { location, args }] of Object.entries(KINDS)) {
  describe(`a move from Dovecot's ${kind}`, { skip: noDovecot() }, () => {
    let folder: string
    let dovecot: Dovecot
    let instance: Instance
    let old: MailPorts
    const ours = (): MailPorts => ({ imap: instance.ports.imap, pop3: instance.ports.pop3 })
    const bring = (...more: readonly string[]) =>
      instance.cli(['import', kind, LOGIN, ...args(dovecot.home(LOGIN)), '--json', ...more])

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'posthouse-move-'))
      await chmod(folder, 0o755)
      dovecot = await Dovecot.start({ folder, location, password: PASSWORD })
      old = dovecot.ports
      instance = await Instance.make({
        only: ['store-lmdb', 'auth-file', 'mda', 'imap', 'pop3', 'import'],
        plugins: {
          'auth-file': { demo: false },
          imap: { cleartext_auth: true },
          pop3: { cleartext_auth: true, login_delay: '10ms' },
        },
        users: [[LOGIN, PASSWORD]],
      })
      await python('fill_account.py', String(old.imap))
      for (const client of CLIENTS) if (client.path !== undefined) await client.fetch(join(folder, client.name), old)
    })
    after(async () => {
      await instance?.destroy()
      await dovecot?.stop()
      await rm(folder, { recursive: true, force: true })
    })

    test('some days before, all of it comes while Dovecot runs, and again nothing', async () => {
      const { stdout } = await bring()
      const first = JSON.parse(stdout)[0].mailboxes as readonly { uids: string; messages: number; brought: number }[]
      for (const one of first) {
        assert.equal(one.brought, one.messages)
        // An empty mbox says nothing of its UIDs.
        assert.ok(one.uids === 'kept' || one.messages === 0, stdout)
      }
      const again = await bring()
      const brought = JSON.parse(again.stdout)[0].mailboxes.map(({ brought }: { brought: number }) => brought)
      assert.deepEqual([again.code, new Set(brought)], [0, new Set([0])])
    })

    test('at the move the rest comes, and clients see what they saw', async () => {
      await python('fill_account.py', String(old.imap), 'later')
      for (const client of CLIENTS) if (client.path !== undefined) await client.fetch(join(folder, client.name), old)
      const seen = await view(old)
      await dovecot.stop()
      const { code, stdout, stderr } = await bring('--flags')
      assert.equal(code, 0, stdout + stderr)
      await instance.start()
      const after = await view(ours())
      // Mailboxes that only we have are empty.
      for (const name of ['Archive', 'Drafts', 'Junk', 'Sent', 'Trash', 'Work2'])
        if (seen[name] === undefined) delete after[name]
      const { subscribed: wanted, ...before } = seen
      const { subscribed, ...now } = after
      assert.deepEqual(now, before)
      for (const name of wanted as readonly string[]) assert.ok((subscribed as readonly string[]).includes(name), name)
    })

    for (const { name, path, fetch, state } of CLIENTS) {
      test(`${name} fetches nothing twice`, { skip: path === undefined && `no ${name} here` }, async () => {
        const dir = join(folder, name)
        const before = await state(dir)
        assert.ok(before.length > 20, before.join('\n'))
        await fetch(dir, ours())
        assert.deepEqual(await state(dir), before)
      })
    }

    test('what comes after the move is fetched, once', async () => {
      const sent = await runProgram('python3', [
        '-c',
        'import smtplib,sys; smtplib.SMTP("127.0.0.1", int(sys.argv[1])).sendmail("b@world.test", ["ann@example.test"], "Subject: new\\r\\n\\r\\nx\\r\\n")',
        String(instance.ports.mx),
      ])
      assert.equal(sent.code, 0, sent.stderr)
      for (const { name, path, fetch, state } of CLIENTS) {
        if (path === undefined) continue
        const dir = join(folder, name)
        const before = await state(dir)
        await fetch(dir, ours())
        await fetch(dir, ours())
        assert.equal((await state(dir)).length, before.length + 1, name)
      }
    })
  })
}

async function python(script: string, ...args: readonly string[]): Promise<string> {
  const [port, ...more] = args
  const { code, stdout, stderr } = await runProgram('python3', [
    join(ROOT, 'test/clients', script),
    ...['127.0.0.1', port!, ...more.slice(0, script === 'mailboxes.py' ? 1 : 0), LOGIN, PASSWORD],
    ...more.slice(script === 'mailboxes.py' ? 1 : 0),
  ])
  assert.equal(code, 0, stderr)
  return stdout
}

async function view({ imap, pop3 }: MailPorts): Promise<Record<string, unknown>> {
  return JSON.parse(await python('mailboxes.py', String(imap), String(pop3)))
}
