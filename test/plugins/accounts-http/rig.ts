/** The plugin with an application behind it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Accounts, Answered } from '../../../core/api/index.js'
import { aSession, rememberingLog, setUp } from '../../../core/testing/index.js'
import accountsHttp from '../../../plugins/accounts-http/index.js'

const folder = mkdtempSync(join(tmpdir(), 'accounts-http-'))
after(() => rmSync(folder, { recursive: true, force: true }))

export interface Rig {
  readonly accounts: Accounts
  readonly log: ReturnType<typeof rememberingLog>
  readonly clock: { at: number }
  logIn(login: string, password: string): Promise<Answered['auth']>
  end(): Promise<void>
}

export function file(name: string, text: string): void {
  writeFileSync(join(folder, name), text)
}

export async function rig(config: object): Promise<Rig> {
  const log = rememberingLog()
  const clock = { at: Date.now() }
  const { contribution, hooks, call, end } = await setUp(accountsHttp, {
    config,
    server: { dataDir: folder, configDir: folder, domains: new Set(['example.test']) },
    log,
    now: () => clock.at,
  })
  return {
    accounts: contribution.services!.accounts!,
    log,
    clock,
    async logIn(login, password) {
      const credentials = { kind: 'password', mechanism: 'PLAIN', login, password } as const
      return hooks.auth?.({ peer: aSession(), credentials }, call)
    },
    end,
  }
}
