/** Folders as other servers leave them, and the plugin's commands over the in-memory store. */
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Account, Accounts, CommandRun, MailEntry, Store } from '../../../core/api/index.js'
import { setUp } from '../../../core/testing/index.js'
import plugin from '../../../plugins/import/index.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'

export const ANN: Account = {
  id: 'account-1',
  login: 'ann@example.test',
  addresses: ['ann@example.test'],
  quotaMessages: 9,
}
/** Time of all files. */
export const DATE = Date.UTC(2020, 1, 2, 3, 4, 5)

/** An empty folder that goes with the test. */
export async function emptyFolder(t: { after(end: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'posthouse-import-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function lay(folder: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
    await utimes(path, DATE / 1000, DATE / 1000)
  }
}

export interface Said {
  readonly code: number
  readonly out: string
  readonly warned: string
}

/** Runs a command as the command line does. Throws what the command throws. */
export async function say(
  store: Store,
  name: string,
  args: readonly string[],
  options: CommandRun['options'] = {},
  config: object = {},
): Promise<Said> {
  const accounts = {
    byLogin: async (login: string) => (login === ANN.login ? ANN : undefined),
    byAddress: async () => undefined,
    list: async () => [ANN],
  } as unknown as Accounts
  const { contribution } = await setUp(plugin, { config, services: { store, accounts } })
  const command = contribution.commands!.find(one => one.name === name)!
  const [out, warned]: [string[], string[]] = [[], []]
  const run: CommandRun = {
    args,
    options,
    json: options.json === true,
    print: line => out.push(line),
    warn: line => warned.push(line),
    stdin: async () => '',
  }
  return { code: (await command.run(run)) ?? 0, out: out.join('\n'), warned: warned.join('\n') }
}

export interface Held {
  readonly name: string
  readonly uidValidity: number
  readonly uidNext: number
  readonly subscribed: boolean
  readonly messages: readonly (Pick<MailEntry, 'uid' | 'flags' | 'date' | 'uniqueId'> & { readonly text: string })[]
}

/** What the account holds now; mailboxes that are empty and as every account has them are left out. */
export async function heldIn(store: Store): Promise<ReadonlyMap<string, Held>> {
  const found = new Map<string, Held>()
  for (const { id, name, uidValidity, uidNext, subscribed } of await store.mail.list(ANN.id)) {
    const mailbox = await store.mail.open(ANN.id, id)
    const messages = []
    for (const entry of await mailbox.list()) {
      const { uid, flags, date, uniqueId } = entry
      const about = uniqueId === undefined ? { uid, flags, date } : { uid, flags, date, uniqueId }
      messages.push({ ...about, text: (await mailbox.read(entry)).toString('latin1') })
    }
    found.set(name, { name, uidValidity, uidNext, subscribed, messages })
  }
  return found
}

export const freshStore = () => createMemoryStore()
