/** The plugin in a folder of its own, and how a test logs in and adds accounts. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Accounts, Command, Hook, Reject } from '../../../core/api/index.js'
import authFile from '../../../plugins/auth-file/index.js'
import { aCall, aContext, runCommand } from '../../harness/context.js'
import { aServer, aSession } from '../../harness/session.js'

export const folder = mkdtempSync(join(tmpdir(), 'auth-file-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const DEFAULTS = {
  file: 'accounts.json',
  keep: 'file' as 'file' | 'store',
  cost: 12,
  scram: true,
  scram_iterations: 4096,
  parallel: 2,
  waiting: 100,
  remember: '5m',
  demo: false,
}
let count = 0

interface Installed {
  readonly dataDir: string
  readonly accounts: Accounts
  readonly auth: Hook<'auth'>
  readonly commands: readonly Command[]
  dispose(): Promise<void>
}

export async function install(
  more: Partial<typeof DEFAULTS> = {},
  context: Partial<ReturnType<typeof aContext<typeof DEFAULTS>>> = {},
  dataDir = mkdtempSync(join(folder, `${count++}-`)),
): Promise<Installed> {
  const server = aServer({ dataDir, configDir: dataDir, domains: new Set(['example.test', 'second.test']) })
  const made = await authFile.setup(aContext({ ...DEFAULTS, ...more }, { server, ...context }))
  return {
    dataDir,
    accounts: made.services!.accounts!,
    auth: made.hooks!.auth!,
    commands: made.commands!,
    dispose: async () => made.dispose?.(),
  }
}

/** As core asks: whom no source has is refused in the same words. */
export async function logIn({ auth }: Installed, login: string, password: string) {
  const credentials = { kind: 'password', mechanism: 'PLAIN', login, password } as const
  return (await auth({ peer: aSession(), credentials }, aCall())) ?? FAILED
}

export function add(installed: Installed, args: readonly string[], password = 'correct horse', quota?: string) {
  return runCommand(installed.commands, 'user add', args, {
    options: { 'password-stdin': true, ...(quota !== undefined && { quota }) },
    stdin: `${password}\n`,
  })
}

export const FAILED: Reject = { kind: 'reject', code: 535, status: '5.7.8', text: 'Authentication failed' }
