/** A guard set up in front of a State, with a clock that stands still, and people who log in through its hooks. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Account, Accounts, Answered, Credentials, Notice, Peer, State } from '../../../core/api/index.js'
import { aSession, type RememberingLog, rememberingLog, type SetUp, setUp } from '../../../core/testing/index.js'
import loginGuard from '../../../plugins/login-guard/index.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { type CommandResult, runCommand } from '../../harness/context.js'

/** Where log-ins come from. */
export const HOME = '198.51.100.1'
export const OUTSIDE = '192.0.2.66'

export const ALICE: Account = { id: 'aalice00', login: 'alice@example.test', addresses: ['alice@example.test'] }
export const BOB: Account = { id: 'abob0000', login: 'bob', addresses: ['bob@example.test'] }
export const START = Date.UTC(2026, 0, 1)
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

const folder = mkdtempSync(join(tmpdir(), 'login-guard-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let count = 0

const directory: Accounts = {
  byLogin: async login => [ALICE, BOB].find(account => account.login === login.toLowerCase()),
  byAddress: async address => [ALICE, BOB].find(account => account.addresses.includes(address.toLowerCase())),
  byId: async id => [ALICE, BOB].find(account => account.id === id),
  list: async () => [ALICE, BOB],
}

export interface SceneOptions {
  readonly config?: object
  readonly state?: State
  readonly dataDir?: string
  readonly accounts?: Partial<Accounts>
}

export class Scene {
  readonly plugin: SetUp
  readonly log: RememberingLog
  readonly notices: Notice[]
  now = START
  #sessions = 0

  private constructor(plugin: SetUp, log: RememberingLog, notices: Notice[]) {
    this.plugin = plugin
    this.log = log
    this.notices = notices
  }

  /** Without delays, unless they are what a test is about. */
  static async set(options: SceneOptions = {}): Promise<Scene> {
    const log = rememberingLog()
    const notices: Notice[] = []
    let scene: Scene | undefined
    const plugin = await setUp(loginGuard, {
      config: { most_delay: '0s', ...options.config },
      services: {
        state: createMemoryState(),
        accounts: { ...directory, ...options.accounts },
        notifier: { tell: async notice => notices.push(notice) > 0 },
      },
      server: { dataDir: options.dataDir ?? mkdtempSync(join(folder, `${count++}-`)) },
      state: options.state ?? createMemoryState(),
      log,
      now: () => scene?.now ?? START,
    })
    scene = new Scene(plugin, log, notices)
    return scene
  }

  peer(address: string): Peer {
    return aSession({ id: `session${++this.#sessions}`, remote: { address, port: 40_000 } })
  }

  ask(address: string, login: string, peer = this.peer(address)): Promise<Answered['login']> {
    return Promise.resolve(this.plugin.hooks.login!({ peer, mechanism: 'PLAIN', login }, this.plugin.call))
  }

  /** An attempt with a password that is wrong; resolves when it is counted. */
  async fail(address: string, login: string, password: string): Promise<Answered['login']> {
    const credentials = { kind: 'password', mechanism: 'PLAIN', login, password } as const
    return this.failWith(address, credentials)
  }

  async failWith(address: string, credentials: Credentials): Promise<Answered['login']> {
    const { hooks, call } = this.plugin
    const peer = this.peer(address)
    const { login, mechanism } = credentials
    const answer = await this.ask(address, login, peer)
    const seen = answer ? undefined : await hooks.auth!({ peer, credentials }, call)
    if (seen) throw new Error('the guard answered at auth')
    await hooks.loginOver!({ peer, mechanism, login, kind: answer ? 'objected' : 'refused' }, call)
    return answer
  }

  /** SCRAM: the guard never sees a secret. */
  async failUnseen(address: string, login: string): Promise<Answered['login']> {
    const peer = this.peer(address)
    const answer = await this.ask(address, login, peer)
    const kind = answer ? 'objected' : 'refused'
    await this.plugin.hooks.loginOver!({ peer, mechanism: 'SCRAM-SHA-256', login, kind }, this.plugin.call)
    return answer
  }

  /** Wrong passwords, each another one. */
  async guess(times: number, address: (n: number) => string, login: (n: number) => string): Promise<void> {
    for (let n = 0; n < times; n++) await this.fail(address(n), login(n), `guess ${n}`)
  }

  async succeed(address: string, account: Account): Promise<Answered['login']> {
    const { hooks, call } = this.plugin
    const peer = this.peer(address)
    const { login } = account
    const answer = await this.ask(address, login, peer)
    if (answer) return answer
    await hooks.auth!({ peer, credentials: { kind: 'password', mechanism: 'PLAIN', login, password: 'right' } }, call)
    await hooks.loginOver!({ peer, mechanism: 'PLAIN', login, kind: 'accepted', account }, call)
    return undefined
  }

  command(name: string, args: readonly string[] = [], json = false): Promise<CommandResult> {
    return runCommand(this.plugin.contribution.commands!, name, args, { json })
  }
}

/** Which lock objected; `open` when none did. */
export function ruleOf(answer: Answered['login']): string {
  return answer ? (answer.because?.rule ?? 'no reason') : 'open'
}
