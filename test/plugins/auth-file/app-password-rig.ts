/** The plugin with alice in it, whose app passwords a test makes and tries. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Accounts, Command, Hook, Peer, State } from '../../../core/api/index.js'
import { aCall, aSession, rememberingLog, setUp } from '../../../core/testing/index.js'
import authFile from '../../../plugins/auth-file/index.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { runCommand } from '../../harness/context.js'

const folder = mkdtempSync(join(tmpdir(), 'app-passwords-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let count = 0
export const ALICE = 'alice@example.test'
const START = Date.UTC(2026, 0, 1)

export interface Installed {
  readonly dataDir: string
  readonly auth: Hook<'auth'>
  readonly commands: readonly Command[]
  readonly accounts: Accounts
  readonly log: ReturnType<typeof rememberingLog>
}

interface Place {
  readonly state?: State
  /** Of an install before it. */
  readonly dataDir?: string
}

/** With alice in it, whose own password is `correct horse`. */
export async function install(
  config: object = {},
  { state = createMemoryState(), dataDir: old }: Place = {},
): Promise<Installed> {
  const dataDir = old ?? mkdtempSync(join(folder, `${count++}-`))
  const log = rememberingLog()
  const { contribution } = await setUp(authFile, {
    config: { cost: 12, scram_iterations: 4096, ...config },
    server: { dataDir, configDir: dataDir },
    state,
    log,
    now: () => START,
  })
  const commands = contribution.commands!
  const options = { 'password-stdin': true }
  if (old === undefined) await runCommand(commands, 'user add', [ALICE], { options, stdin: 'correct horse\n' })
  return { dataDir, auth: contribution.hooks!.auth!, commands, accounts: contribution.services!.accounts!, log }
}

/** Resolves to the password that was shown. */
export async function make({ commands }: Installed, name: string, protocols?: string): Promise<string> {
  const options = protocols === undefined ? {} : { for: protocols }
  const { out } = await runCommand(commands, 'user app-password add', [ALICE, name], { options, json: true })
  return JSON.parse(out[0]!).password
}

export function keysFor({ accounts }: Installed, protocol?: Peer['protocol']) {
  return accounts.scramKeys!(ALICE, 'SCRAM-SHA-256', protocol)
}

/** What the candidates for IMAP are known by. */
export async function namesFor(installed: Installed) {
  return (await keysFor(installed, 'imap'))!.candidates.map(({ name }) => name)
}

export async function kindOf(
  installed: Installed,
  password: string,
  protocol: Peer['protocol'] = 'imap',
  login = ALICE,
) {
  const credentials = { kind: 'password', mechanism: 'PLAIN', login, password } as const
  const answer = await installed.auth({ peer: aSession({ protocol }), credentials }, aCall())
  return answer?.kind
}
