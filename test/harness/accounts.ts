/** Accounts of a server under test: the commands of `auth-file` themselves, without a start of Node for each. */
import { mkdir } from 'node:fs/promises'
import { setUp } from '../../core/testing/index.js'
import authFile from '../../plugins/auth-file/index.js'
import type { InstanceOptions } from './instance.js'

export async function addUsers(dataDir: string, domain: string, options: InstanceOptions): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const { contribution, end } = await setUp(authFile, {
    config: options.plugins?.['auth-file'] ?? {},
    server: { dataDir, domains: new Set([domain, ...((options.server?.domains as string[] | undefined) ?? [])]) },
  })
  const add = contribution.commands!.find(({ name }) => name === 'user add')!
  for (const [login, password] of options.users ?? []) {
    await add.run({
      args: [login],
      options: { 'password-stdin': true },
      json: false,
      print: () => undefined,
      warn: () => undefined,
      stdin: async () => `${password}\n`,
    })
  }
  await end()
}
