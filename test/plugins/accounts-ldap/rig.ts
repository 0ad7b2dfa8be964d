/** The plugin with a directory behind it, and how a test looks people up and logs them in. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Accounts, Answered } from '../../../core/api/index.js'
import { aSession, rememberingLog, setUp } from '../../../core/testing/index.js'
import accountsLdap from '../../../plugins/accounts-ldap/index.js'
import { PEOPLE, SERVICE, type Slapd } from '../../harness/slapd.js'

const folder = mkdtempSync(join(tmpdir(), 'accounts-ldap-'))
after(() => rmSync(folder, { recursive: true, force: true }))
writeFileSync(join(folder, 'ldap.password'), `${SERVICE.password}\n`)

export interface Rig {
  readonly accounts: Accounts
  readonly log: ReturnType<typeof rememberingLog>
  readonly clock: { at: number }
  logIn(login: string, password: string): Promise<Answered['auth']>
  end(): Promise<void>
}

/** Files of the config folder by name; `ca.pem` is the authority of the directory. */
export function configFile(name: string, text: string): void {
  writeFileSync(join(folder, name), text)
}

export async function rig(slapd: Pick<Slapd, 'url' | 'ca'>, config: object = {}): Promise<Rig> {
  configFile('ca.pem', slapd.ca)
  const log = rememberingLog()
  const clock = { at: Date.now() }
  const { contribution, hooks, call, end } = await setUp(accountsLdap, {
    config: { servers: [slapd.url], ca: 'ca.pem', base: PEOPLE, bind_dn: SERVICE.dn, ...config },
    server: { dataDir: folder, configDir: folder, domains: new Set(['example.test', 'second.test']) },
    log,
    now: () => clock.at,
  })
  return {
    accounts: contribution.services!.accounts!,
    log,
    clock,
    async logIn(login, password) {
      return hooks.auth?.(
        { peer: aSession(), credentials: { kind: 'password', mechanism: 'PLAIN', login, password } },
        call,
      )
    },
    end,
  }
}
