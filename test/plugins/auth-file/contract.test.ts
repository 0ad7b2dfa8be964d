import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { servicesOf } from '../../../core/testing/context.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { accountsContract, type KnownAccount } from '../../contracts/accounts.js'
import { runCommand } from '../../harness/context.js'
import { add, install, logIn } from './install.js'

accountsContract({
  name: 'auth-file',
  async open(_t, known) {
    const filler = await install()
    const path = join(filler.dataDir, 'accounts.json')
    await fill(filler, known)
    const again = () => install({}, {}, filler.dataDir)
    const fresh = await again()
    return {
      accounts: fresh.accounts,
      logIn: async (login, password) => logIn(fresh, login, password),
      again: async () => (await again()).accounts,
      // The file becomes something that cannot be read, before the directory has ever seen it.
      async cutOff() {
        rmSync(path)
        mkdirSync(path)
      },
    }
  },
})

accountsContract({
  name: 'auth-file with rows of the store',
  async open(_t, known) {
    const tables = createMemoryTables()
    let away = false
    const services = servicesOf({
      get tables() {
        return away ? undefined : tables
      },
    } as { tables: typeof tables })
    const filler = await install({ keep: 'store' }, { services })
    await fill(filler, known)
    const again = () => install({ keep: 'store' }, { services }, filler.dataDir)
    const fresh = await again()
    return {
      accounts: fresh.accounts,
      logIn: async (login, password) => logIn(fresh, login, password),
      again: async () => (await again()).accounts,
      async cutOff() {
        away = true
      },
    }
  },
})

async function fill(filler: Awaited<ReturnType<typeof install>>, known: readonly KnownAccount[]): Promise<void> {
  for (const { login, addresses, password } of known) await add(filler, [login, ...addresses], password)
  for (const { login, disabled, quotaBytes, quotaMessages } of known) {
    const options = {
      ...(disabled && { disable: true }),
      ...(quotaBytes !== undefined && { quota: String(quotaBytes) }),
      ...(quotaMessages !== undefined && { 'quota-messages': String(quotaMessages) }),
    }
    if (Object.keys(options).length > 0) await runCommand(filler.commands, 'user change', [login], { options })
  }
}
