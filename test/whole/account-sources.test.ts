/**
 * A whole server with accounts in a file and in a second source, which a test makes go away: who is found where, what senders and people who
 * log in hear meanwhile, and what the commands show.
 */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { inboxOf, noInbox } from '../harness/inbox.js'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { plainClient, ScramClient } from '../harness/sasl-client.js'
import { SaslTalk } from '../harness/sasl-talk.js'
import { sendMail } from '../harness/send-mail.js'

/** Its people stand in a file; without it the source is down. Everybody's password is their login, twice. */
const FAR = `
import { readFileSync } from 'node:fs'
import { authenticated, definePlugin, MailError, reject } from 'posthouse/api'

export default definePlugin({
  name: 'far', summary: 'accounts of a test', config: { type: 'object' }, supplies: ['accounts'],
  setup({ server }) {
    const people = () => {
      try {
        return JSON.parse(readFileSync(server.configDir + '/far.json', 'utf8'))
      } catch (error) {
        throw new MailError('directory-unavailable', 'the far side does not answer', error)
      }
    }
    const find = async fits => people().find(fits)
    const byLogin = login => find(one => one.login === login.toLowerCase())
    return {
      services: {
        accounts: {
          name: 'far side',
          keep: { foundMs: 0, missingMs: 0, staleMs: 0, most: 10 },
          byLogin,
          byAddress: address => find(one => one.addresses.includes(address)),
          byId: id => (id.startsWith('far-') ? find(one => one.id === id) : Promise.resolve(undefined)),
          list: async most => people().slice(0, most),
        },
      },
      hooks: {
        async auth({ credentials: { kind, login, password } }) {
          const account = kind === 'password' ? await byLogin(login) : undefined
          if (account === undefined) return undefined
          return password === login + login ? authenticated(account) : reject('Authentication failed', { code: 535, status: '5.7.8' })
        },
      },
    }
  },
})
`
const ZOE = { id: 'far-1', login: 'zoe', addresses: ['zoe@example.test'], quotaBytes: 1_000_000 }
/** The file has an alice, too. */
const ALICE = { id: 'far-2', login: 'alice@example.test', addresses: ['alice@example.test'] }

describe('accounts of a file and of a second source', () => {
  let instance: Instance

  before(async () => {
    instance = await Instance.make({
      without: CONTENT,
      users: [['alice@example.test', 'correct horse']],
      files: { 'far.js': FAR },
      plugins: { imap: { login_delay: '1ms' } },
    })
    await instance.edit('plugins.yaml', text => `${text}\n- use: ./far.js\n`)
    await there()
    await instance.start()
  })
  after(() => instance.destroy())

  const file = () => join(instance.configDir, 'far.json')
  const there = () => writeFile(file(), JSON.stringify([ZOE, ALICE]))
  const away = () => rm(file())

  const send = (to: string, subject: string) =>
    sendMail(instance.ports.mx, { from: 'bob@client.test', to: [to], subject })

  async function logIn(login: string, password: string): Promise<string> {
    const talk = await SaslTalk.open('smtp', { port: instance.ports.submissions, way: 'implicit' })
    await talk.ask()
    const reply = await talk.authenticate(plainClient(login, password), { initial: true })
    talk.close()
    return reply
  }

  test('people of both log in, each by the password of the source that comes first with them', async () => {
    assert.match(await logIn('alice@example.test', 'correct horse'), /^235 /)
    assert.match(await logIn('zoe', 'zoezoe'), /^235 /)
    assert.match(await logIn('alice@example.test', 'alice@example.testalice@example.test'), /^535 5\.7\.8 /)
    assert.match(await logIn('zoe', 'wrong'), /^535 5\.7\.8 /)
    assert.match(await logIn('nobody', 'nobodynobody'), /^535 5\.7\.8 /)
  })

  test('SCRAM is not offered: the second source has passwords only', async () => {
    const talk = await SaslTalk.open('imap', { port: instance.ports.imaps, way: 'implicit' })
    assert.deepEqual(await talk.ask(), ['PLAIN', 'LOGIN'])
    const scram = new ScramClient({
      mechanism: 'SCRAM-SHA-256',
      login: 'alice@example.test',
      password: 'correct horse',
    })
    assert.match(await talk.authenticate(scram), /^t NO /)
    talk.close()
  })

  test('mail comes to people of both', { skip: noInbox }, async () => {
    await send('zoe+x@example.test', 'to-zoe')
    await send('alice@example.test', 'to-alice')
    for (const [login, password, subject] of [
      ['zoe', 'zoezoe', 'to-zoe'],
      ['alice@example.test', 'correct horse', 'to-alice'],
    ] as const)
      await eventually(async () =>
        (await inboxOf(instance.ports.imap, login, password)).some(mail => mail.includes(subject)) ? true : undefined,
      )
  })

  test('commands show the source', async () => {
    assert.match((await instance.cli(['address', 'zoe@example.test'])).stdout, /account zoe \(far side\)/)
    assert.match(
      (await instance.cli(['address', 'alice@example.test'])).stdout,
      /account alice@example\.test \(auth-file\)/,
    )
    const listed = JSON.parse((await instance.cli(['user', 'list', '--json'])).stdout) as {
      login: string
      source: string
    }[]
    assert.deepEqual(
      listed.map(({ login, source }) => `${login} ${source}`),
      ['alice@example.test auth-file', 'zoe far side'],
    )
    assert.match((await instance.cli(['user', 'list'])).stdout, /^zoe .*quota 976\.6KB {2}from far side$/m)
    assert.match((await instance.cli(['accounts', 'list'])).stdout, /^zoe .*from far side$/m)
    const { stdout } = await instance.cli(['accounts', 'find', 'alice@example.test'])
    assert.match(
      stdout,
      /^auth-file: by login: .*\nfar side \(far\): by login: .* id far-2 \(a source above comes first\)\n$/,
    )
    assert.equal((await instance.cli(['accounts', 'find', 'nobody'])).code, 1)
    const sources = await instance.cli(['accounts', 'sources'])
    assert.deepEqual([sources.code, sources.stdout], [0, 'auth-file  answers\nfar side (far)  answers\n'])
  })

  test('while the second is away, its mail and its people are told to come again, and nobody is said not to exist', async () => {
    await away()
    for (const to of ['zoe@example.test', 'nobody@example.test'])
      await assert.rejects(send(to, 'later'), /451 4\.3\.0 Cannot look up the recipient right now/)
    assert.match(await logIn('zoe', 'zoezoe'), /^454 4\.7\.0 /)
    assert.match(await logIn('zoe', 'wrong'), /^454 4\.7\.0 /)
    assert.match(await logIn('alice@example.test', 'correct horse'), /^235 /)
    await send('alice@example.test', 'all-the-same')
    const told = await instance.cli(['user', 'list'])
    assert.match(told.stdout, /^alice@example\.test /)
    assert.match(told.stderr, /accounts of other sources are not shown: the far side does not answer/)
    const sources = await instance.cli(['accounts', 'sources', '--json'])
    assert.equal(sources.code, 1)
    assert.match(sources.stdout, /the far side does not answer: ENOENT/)
    await instance.logged(/source of accounts is away/)
    await there()
    await send('zoe@example.test', 'again')
    await instance.logged(/source of accounts is back/)
  })
})
