/** The mda over the in-memory store, with a few accounts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Account, Accounts, Answered, Bus, Command, FilingRules, Places, Tables } from '../../../core/api/index.js'
import { DomainSet } from '../../../core/text/index.js'
import mda from '../../../plugins/mda/index.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { aCall, aContext, address, servicesOf } from '../../harness/context.js'
import { rememberingLog } from '../../harness/log.js'
import { anEnvelope, aServer, aSession } from '../../harness/session.js'

export const ACCOUNTS: readonly Account[] = [
  { id: 'aalice', login: 'alice', addresses: ['alice@example.test', 'alice@second.test'] },
  { id: 'abob', login: 'bob', addresses: ['bob@example.test'] },
  { id: 'afull', login: 'full', addresses: ['full@example.test'], quotaBytes: 1000 },
  { id: 'afew', login: 'few', addresses: ['few@example.test'], quotaMessages: 1 },
  { id: 'aoff', login: 'off', addresses: ['off@example.test'], disabled: true },
]

export function directory(): Accounts {
  const find = async (test: (account: Account) => boolean) => ACCOUNTS.find(test)
  return {
    byLogin: login => find(account => account.login === login),
    byId: id => find(account => account.id === id),
    byAddress: text => find(account => account.addresses.includes(text)),
    list: async () => ACCOUNTS,
  }
}

const DEFAULTS = {
  aliases: 'aliases.yaml',
  separator: '+',
  tag_folders: false,
  full: 'defer',
  disabled: 'file',
  remote_target: 'mx',
  quota: { grace: 0, grace_for: '7d', warn_at: [80, 95, 100] },
  forwards_per_day: 1000,
  automatic_forwards_per_day: 100,
} as const

/** `aliases`: the text of the alias file; left out: there is none. Throws `ConfigError` as `setup` does. */
export async function install(
  aliases: string | undefined,
  more: object = {},
  parts: {
    readonly accounts?: Accounts
    readonly tables?: Tables
    readonly bus?: Bus
    readonly places?: Places
    readonly rules?: FilingRules
  } = {},
) {
  const { accounts = directory(), tables = createMemoryTables(), bus, places, rules } = parts
  const folder = mkdtempSync(join(tmpdir(), 'mda-'))
  try {
    if (aliases !== undefined) writeFileSync(join(folder, 'aliases.yaml'), aliases)
    const domains = new DomainSet(['example.test', 'second.test', 'bücher.test'])
    const server = aServer({ configDir: folder, domains })
    const store = createMemoryStore()
    const services = servicesOf({
      accounts,
      store,
      tables,
      ...(places && { places }),
      ...(rules && { 'filing-rules': rules }),
    })
    const made = await mda.setup(aContext({ ...DEFAULTS, ...more }, { server, services, ...(bus && { bus }) }))
    const log = rememberingLog()
    const route = async (to: string, parameters: readonly (readonly [string, string])[] = [], session = aSession()) =>
      made.hooks!.route!(
        {
          session,
          envelope: anEnvelope({ parameters: new Map(parameters) }),
          recipient: { address: address(to), dsn: { notify: [] } },
        },
        aCall({ log }),
      )
    const accountsOf = (of: string) => made.services!['local-recipients']!.accountsOf(address(of))
    const commands: readonly Command[] = made.commands ?? []
    return { route, accountsOf, store, log, commands, tables, target: made.targets!.mda! }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** `mda aalice`, `mda aalice +tag`, `mx x@far.test`, `mbox x@example.test {"place":"spool"}`, `550 5.1.1`, or nothing. */
export function short(answer: Answered['route']): string {
  if (answer === undefined || answer === null) return 'nothing'
  if ('kind' in answer && answer.kind !== 'claim') return `${answer.code} ${answer.status}`
  const claims = 'kind' in answer ? [answer] : answer
  return claims
    .map(({ target, to, detail }) => {
      if (target === 'mda') return `mda ${detail!.account}${detail!.tag === undefined ? '' : ` +${detail!.tag}`}`
      const more = detail === undefined ? '' : ` ${JSON.stringify(detail)}`
      return `${target} ${to.local}@${to.domain}${more}`
    })
    .join(', ')
}
