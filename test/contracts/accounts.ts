/**
 * The contract of a directory of accounts: what every source promises, wherever it keeps them. Nothing here asks how accounts get there;
 * each source brings a bench that fills one, and takes it away if that can be done.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Account, type Accounts, type Answered, MailError } from '../../core/api/index.js'

export interface KnownAccount extends Omit<Account, 'id'> {
  readonly password: string
}

export interface AccountsBench {
  readonly accounts: Accounts
  /** What the source's `auth` hook says; left out: it checks no passwords. */
  logIn?(login: string, password: string): Promise<Answered['auth']>
  /** An id as this source makes them, of nobody; left out: `anobody00`. */
  readonly strangeId?: string
  /** The same source as another process, or the next start, sees it. */
  again?(): Promise<Accounts>
  /** Takes the source away before anything was asked of it; left out: it cannot be. */
  cutOff?(): Promise<void>
}

export interface AccountsBackend {
  readonly name: string
  /** A source with these and nobody else. Given up with `t.after`. */
  open(t: TestContext, known: readonly KnownAccount[]): Promise<AccountsBench>
}

const ALICE: KnownAccount = {
  login: 'alice@example.test',
  addresses: ['alice@example.test', 'sales@example.test'],
  password: 'correct horse',
}
const BOB: KnownAccount = {
  login: 'bob',
  addresses: ['bob@example.test'],
  quotaBytes: 1_000_000,
  quotaMessages: 500,
  password: 'battery staple',
}
const GONE: KnownAccount = {
  login: 'gone@example.test',
  addresses: ['gone@example.test'],
  disabled: true,
  password: 'was here before',
}
const ALL = [ALICE, BOB, GONE]

/** Nobody has these, and whoever puts them into a question unchecked finds somebody or falls over. */
const HOSTILE = [
  '',
  ' ',
  '*',
  'al*',
  '__proto__',
  'constructor',
  '*)(uid=*',
  'bob)(|(uid=*',
  "bob' or '1'='1",
  'bob\u0000',
  'bob\r\nalice',
  '../bob',
  'bob/../bob',
  'bob?x=1',
  'bob%00',
  '\ud800',
  '@',
  '@example.test',
  'x'.repeat(5000),
] as const

/** What others may see of an account. */
const OPEN = new Set<string>([
  'id',
  'login',
  'addresses',
  'quotaBytes',
  'quotaMessages',
  'quotaGracePercent',
  'place',
  'disabled',
  'limits',
  'imapDisable',
] satisfies (keyof Account)[])

export function accountsContract(backend: AccountsBackend): void {
  const contract = (
    sentence: string,
    run: (bench: AccountsBench, t: TestContext) => Promise<void>,
    known: readonly KnownAccount[] = ALL,
  ) => test(`${backend.name}: ${sentence}`, async t => run(await backend.open(t, known), t))

  contract('an account is the same by login, by each address and by id', async ({ accounts }) => {
    for (const { login, addresses } of ALL) {
      const found = await accounts.byLogin(login)
      assert.ok(found !== undefined, login)
      for (const address of addresses) assert.deepEqual(await accounts.byAddress(address), found)
      assert.deepEqual(await accounts.byId(found.id), found)
    }
  })

  contract('logins and addresses of accounts count in any case', async ({ accounts }) => {
    const { id } = (await accounts.byLogin(ALICE.login))!
    assert.equal((await accounts.byLogin('Alice@EXAMPLE.test'))?.id, id)
    assert.equal((await accounts.byAddress('sales@example.test'))?.id, id)
  })

  contract('an account is told with its login, all its addresses and its bounds', async ({ accounts }) => {
    for (const { password: _, ...wish } of ALL) {
      const { id: _id, ...found } = (await accounts.byLogin(wish.login))!
      assert.deepEqual(
        { ...found, addresses: [...found.addresses].sort() },
        { ...wish, addresses: [...wish.addresses].sort() },
      )
    }
  })

  contract('ids differ, are no addresses, and are the same for everybody who asks', async ({ accounts, again }) => {
    const ids = await Promise.all(ALL.map(async ({ login }) => (await accounts.byLogin(login))!.id))
    assert.equal(new Set(ids).size, ALL.length)
    for (const id of ids) assert.match(id, /^[A-Za-z0-9._-]{1,64}$/)
    const other = await again?.()
    if (other !== undefined) {
      const theirs = await Promise.all(ALL.map(async ({ login }) => (await other.byLogin(login))!.id))
      assert.deepEqual(theirs, ids)
    }
  })

  contract('nothing that is told of an account is a secret', async ({ accounts }) => {
    for (const account of await accounts.list()) {
      for (const key of Object.keys(account)) assert.ok(OPEN.has(key), `${key} is told`)
      for (const { password } of ALL) assert.ok(!JSON.stringify(account).includes(password))
    }
  })

  contract('the list has every account once', async ({ accounts }) => {
    const logins = (await accounts.list()).map(({ login }) => login)
    assert.deepEqual(logins.sort(), ALL.map(({ login }) => login).sort())
  })

  contract('who is not there is nobody, however the name is written', async ({ accounts }) => {
    for (const name of [...HOSTILE, 'nobody', 'nobody@example.test', 'alice@other.test']) {
      assert.equal(await accounts.byLogin(name), undefined, JSON.stringify(name.slice(0, 40)))
      assert.equal(await accounts.byAddress(name), undefined, JSON.stringify(name.slice(0, 40)))
      assert.equal(await accounts.byId(name), undefined, JSON.stringify(name.slice(0, 40)))
    }
  })

  contract('many who ask at once hear the same', async ({ accounts }) => {
    const asked = Array.from({ length: 60 }, (_, at) => accounts.byLogin(ALL[at % ALL.length]!.login))
    const logins = (await Promise.all(asked)).map(found => found?.login)
    assert.deepEqual(
      logins,
      Array.from({ length: 60 }, (_, at) => ALL[at % ALL.length]!.login),
    )
  })

  contract(
    'of nobody there is an empty list',
    async ({ accounts }) => {
      assert.deepEqual(await accounts.list(), [])
      assert.equal(await accounts.byLogin(ALICE.login), undefined)
    },
    [],
  )

  contract('the right password gives the account; wrong ones are refused in the same words', async bench => {
    const { accounts, logIn } = bench
    if (logIn === undefined) return
    const right = await logIn(ALICE.login, ALICE.password)
    assert.ok(right?.kind === 'authenticated')
    assert.deepEqual(right.account, await accounts.byLogin(ALICE.login))
    const refusal = await logIn(ALICE.login, 'wrong')
    assert.ok(refusal?.kind === 'reject')
    assert.deepEqual([refusal.code, refusal.status], [535, '5.7.8'])
    for (const [login, password] of [
      [ALICE.login, ''],
      [ALICE.login, BOB.password],
      [GONE.login, GONE.password],
      ...HOSTILE.filter(name => name.trim() !== '').map(name => [name, ALICE.password] as const),
    ] as const) {
      const answer = await logIn(login, password)
      // Nobody whom this source knows: another may.
      if (answer === undefined || answer === null)
        assert.equal(await accounts.byLogin(login), undefined, login.slice(0, 40))
      else assert.deepEqual(answer, refusal, JSON.stringify(login.slice(0, 40)))
    }
  })

  contract('a source that is down is trouble, and never an answer', async bench => {
    const { accounts, logIn, cutOff, strangeId = 'anobody00' } = bench
    if (cutOff === undefined) return
    await cutOff()
    const temporary = (error: unknown) => error instanceof MailError && error.temporary
    await assert.rejects(() => accounts.byLogin(ALICE.login), temporary)
    await assert.rejects(() => accounts.byAddress('nobody@example.test'), temporary)
    await assert.rejects(() => accounts.byId(strangeId), temporary)
    if (logIn === undefined) return
    // Thrown or said: not a refusal, after which mail programs ask for another password.
    const answer = await logIn(ALICE.login, ALICE.password).catch((error: unknown) => {
      assert.ok(temporary(error))
      return undefined
    })
    assert.ok(answer === undefined || answer?.kind === 'defer')
  })
}
