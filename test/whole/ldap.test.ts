/**
 * A whole server with people in a real slapd: other people's clients log in and fetch mail, and the directory goes away and comes back meanwhile.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { inboxOf, noInbox } from '../harness/inbox.js'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { plainClient } from '../harness/sasl-client.js'
import { SaslTalk } from '../harness/sasl-talk.js'
import { sendMail } from '../harness/send-mail.js'
import { program } from '../harness/shared.js'
import { noSlapd, PEOPLE, SERVICE, Slapd } from '../harness/slapd.js'

const swaks = program('swaks')

describe('people of an LDAP directory', { skip: noSlapd() }, () => {
  if (noSlapd() !== false) return
  let slapd: Slapd
  let instance: Instance

  before(async () => {
    slapd = await Slapd.start([
      { uid: 'ann', mail: ['ann@example.test', 'sales@example.test'], password: 'ann secret' },
      { uid: 'bob', mail: ['bob@example.test'], password: 'bob secret' },
      { uid: 'carol', mail: ['carol@example.test'], password: 'carol secret' },
      { uid: 'dave', mail: ['dave@example.test'], password: 'dave secret', more: { employeeType: 'locked' } },
    ])
    instance = await Instance.make({
      without: CONTENT,
      users: [['alice@example.test', 'correct horse']],
      files: { 'ca.pem': slapd.ca },
      plugins: { imap: { login_delay: '1ms' }, mda: { disabled: 'refuse' } },
    })
    await writeFile(join(instance.dataDir, 'ldap.password'), SERVICE.password)
    const entry = {
      servers: [slapd.url],
      ca: 'ca.pem',
      base: PEOPLE,
      bind_dn: SERVICE.dn,
      attributes: { disabled: 'employeeType' },
      // Every question is asked, and what is known counts while it cannot be.
      keep: '0s',
      keep_missing: '0s',
      remember: '0s',
      timeout: '2s',
    }
    await instance.edit('plugins.yaml', text => `${text}\n- use: accounts-ldap\n  with: ${JSON.stringify(entry)}\n`)
    await instance.start()
  })
  after(async () => {
    await instance.destroy()
    await slapd.destroy()
  })

  const send = (to: string, subject: string) =>
    sendMail(instance.ports.mx, { from: 'eve@client.test', to: [to], subject })

  async function logIn(login: string, password: string): Promise<string> {
    const talk = await SaslTalk.open('smtp', { port: instance.ports.submissions, way: 'implicit' })
    await talk.ask()
    const reply = await talk.authenticate(plainClient(login, password), { initial: true })
    talk.close()
    return reply
  }

  const arrives = (login: string, password: string, subject: string) =>
    eventually(async () =>
      (await inboxOf(instance.ports.imap, login, password)).some(mail => mail.includes(subject)) ? true : undefined,
    )

  test('the configuration is right, and the directory answers', async () => {
    assert.equal((await instance.cli(['check'])).code, 0)
    const { code, stdout } = await instance.cli(['accounts', 'sources'])
    assert.deepEqual([code, stdout], [0, 'auth-file  answers\nldap (accounts-ldap)  answers\n'])
  })

  test('get their mail by all their addresses, and read it by IMAP with the directory’s password', {
    skip: noInbox,
  }, async () => {
    await send('ann@example.test', 'first')
    await send('sales+x@example.test', 'second')
    await arrives('ann', 'ann secret', 'first')
    await arrives('sales@example.test', 'ann secret', 'second')
  })

  test('send as themselves, and as nobody else', { skip: swaks === undefined ? 'no swaks' : false }, async () => {
    const args = (from: string) =>
      `--server 127.0.0.1 --port ${instance.ports.submission} -tls -a PLAIN -au ann -ap ann\u00a0secret --from ${from} --to alice@example.test`
        .split(' ')
        .map(word => word.replace('\u00a0', ' '))
    assert.equal((await runProgram(swaks!, args('sales@example.test'))).code, 0)
    const other = await runProgram(swaks!, args('bob@example.test'))
    assert.match(other.stdout, /<~\* +5/)
  })

  test('who is disabled there gets no mail and does not log in', async () => {
    await assert.rejects(send('dave@example.test', 'x'), /550 5\.2\.1/)
    assert.match(await logIn('dave', 'dave secret'), /^535 5\.7\.8 /)
  })

  test('commands tell where somebody is from', async () => {
    assert.match((await instance.cli(['address', 'sales@example.test'])).stdout, /account ann \(ldap\)/)
    assert.match((await instance.cli(['user', 'list'])).stdout, /^ann .* from ldap$/m)
    assert.match(
      (await instance.cli(['accounts', 'find', 'carol'])).stdout,
      /ldap \(accounts-ldap\): by login: carol {2}carol@example\.test, id ldap-/,
    )
  })

  test('while the directory is away known people go on, others are told to come again, and then all is as before', async () => {
    assert.match(await logIn('ann', 'ann secret'), /^235 /)
    await slapd.end()
    await send('ann@example.test', 'meanwhile')
    assert.match(await logIn('ann', 'ann secret'), /^235 /)
    for (const to of ['carol@example.test', 'nobody@example.test'])
      await assert.rejects(send(to, 'x'), /451 4\.3\.0 Cannot look up the recipient right now/)
    assert.match(await logIn('ann', 'wrong'), /^454 4\.7\.0 /)
    assert.match(await logIn('carol', 'carol secret'), /^454 4\.7\.0 /)
    assert.match(await logIn('alice@example.test', 'correct horse'), /^235 /)
    const { code, stdout } = await instance.cli(['accounts', 'sources'])
    assert.equal(code, 1)
    assert.match(stdout, /^ldap \(accounts-ldap\) {2}does not answer: directory ldap: ldap:.*ECONNREFUSED/m)
    const listed = await instance.cli(['accounts', 'list'])
    assert.deepEqual([listed.code, listed.stdout], [1, 'alice@example.test  alice@example.test  from auth-file\n'])
    assert.match(listed.stderr, /^ldap \(accounts-ldap\) does not answer, its people are missing here: /)
    assert.equal((await instance.cli(['check'])).code, 0, 'a directory that is away is no fault of the configuration')
    await instance.stop()
    await instance.start()
    await send('ann@example.test', 'after-a-restart')
    await slapd.begin()
    await eventually(async () => ((await logIn('carol', 'carol secret')).startsWith('235') ? true : undefined))
    await send('carol@example.test', 'again')
    await assert.rejects(send('nobody@example.test', 'x'), /550 5\.1\.1/)
  })
})
