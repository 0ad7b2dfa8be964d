/** auth-oauth in front of a provider, and tokens that log in. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Account, Accounts } from '../../../core/api/index.js'
import { aSession, type RememberingLog, rememberingLog, type SetUp, setUp } from '../../../core/testing/index.js'
import authOauth from '../../../plugins/auth-oauth/index.js'
import { AUDIENCE, ISSUER, NOW } from './provider.js'

export const ALICE: Account = { id: 'aalice00', login: 'alice', addresses: ['alice@example.test'] }
export const BOB: Account = { id: 'abob0000', login: 'bob', addresses: ['bob@example.test'] }
const GONE: Account = { id: 'agone000', login: 'gone', addresses: ['gone@example.test'], disabled: true }
const ALL = [ALICE, BOB, GONE]

const directory: Accounts = {
  byLogin: async login => ALL.find(account => account.login === login.toLowerCase()),
  byAddress: async address => ALL.find(account => account.addresses.includes(address)),
  byId: async id => ALL.find(account => account.id === id),
  list: async () => ALL,
}

const folder = mkdtempSync(join(tmpdir(), 'auth-oauth-'))
after(() => rmSync(folder, { recursive: true, force: true }))

export interface Scene {
  readonly plugin: SetUp
  readonly log: RememberingLog
  now: number
  /** The login of who got in, `refused`, or the code that was answered. */
  logIn(token: string, login?: string): Promise<string>
}

/** `url` is where the provider is; `timeout` is for answers that never come. */
export async function makeScene(config: object): Promise<Scene> {
  const dataDir = mkdtempSync(join(folder, 'data-'))
  writeFileSync(join(dataDir, 'oauth-client.yaml'), 'client_id: "our:id"\nclient_secret: "s&cret %"\n')
  const log = rememberingLog()
  const scene: { now: number } = { now: NOW }
  const plugin = await setUp(authOauth, {
    config: { issuer: ISSUER, audience: [AUDIENCE], timeout: '60s', ...config },
    services: { accounts: directory },
    server: { dataDir, configDir: dataDir },
    log,
    now: () => scene.now,
  })
  const logIn = async (token: string, login = '') => {
    const credentials = { kind: 'token', mechanism: 'OAUTHBEARER', login, token } as const
    const answer = await plugin.hooks.auth!({ peer: aSession(), credentials }, plugin.call)
    if (!answer) return 'refused'
    return answer.kind === 'authenticated' ? answer.account.login : String(answer.code)
  }
  return Object.assign(scene, { plugin, log, logIn })
}

export function whyOf({ log }: Scene): string {
  return String(log.lines.at(-1)?.facts.why)
}
