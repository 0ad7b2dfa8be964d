/**
 * Local mail: resolves recipients of our domains (aliases, accounts, +tags) and files their mail.
 * Contributes the hook `route` and the target `mda`. Who has an account is the business of the service `accounts`.
 */
import { type Account, type Accounts, ConfigError, definePlugin, type Services } from 'posthouse/api'
import { type AddressParts, parseAddress, parseDuration } from 'posthouse/text'
import { addressCommand } from './address-command.js'
import { aliasCommands } from './alias-commands.js'
import { readAliases } from './aliases/file.js'
import { aliasesOf } from './aliases/index.js'
import { StoredAliases } from './aliases/stored.js'
import { mdaTarget } from './deliver.js'
import { domainCommand } from './domain-command.js'
import { decideLoop } from './loops.js'
import { Outage } from './outage.js'
import { quotaCommand } from './quota/command.js'
import { QuotaKeeper } from './quota/keeper.js'
import { QuotaWarnings } from './quota/warnings.js'
import { accountsOf, type ResolveParts } from './resolve.js'
import { decideRoute, type RouteParts, routeFor } from './route.js'
import type { WishParts } from './wishes.js'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    aliases: {
      type: 'string',
      minLength: 1,
      default: 'aliases.yaml',
      description: 'alias file, seen from the config directory; it may be missing',
    },
    postmaster: {
      type: 'string',
      format: 'email',
      description:
        'gets mail for postmaster@ and abuse@ of our domains where no account or alias takes it; left out: the first account',
    },
    separator: {
      type: 'string',
      maxLength: 1,
      default: '+',
      description: 'parts user from tag in user+tag@; empty: no tags',
    },
    tag_folders: {
      type: 'boolean',
      default: false,
      description: 'file user+tag@ into the mailbox named like the tag if there is one',
    },
    full: {
      enum: ['defer', 'refuse'],
      default: 'defer',
      description: 'mail for a full mailbox: the sender shall come again (452 4.2.2), or gets it back (552 5.2.2)',
    },
    disabled: {
      enum: ['file', 'refuse'],
      default: 'file',
      description: 'mail for a disabled account: filed as ever, or refused (550 5.2.1)',
    },
    quota: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'how full mailboxes are treated',
      properties: {
        grace: {
          type: 'integer',
          minimum: 0,
          maximum: 100,
          default: 10,
          description: 'how far mail may go beyond a quota, in hundredths of it; accounts may have another',
        },
        grace_for: {
          type: 'string',
          format: 'duration',
          default: '7d',
          description: 'how long, from the day the quota was reached',
        },
        warn_at: {
          type: 'array',
          items: { type: 'integer', minimum: 1, maximum: 100 },
          maxItems: 10,
          uniqueItems: true,
          default: [80, 95, 100],
          description: 'hundredths of a quota at which its owner is told by mail',
        },
        contact: {
          type: 'string',
          minLength: 1,
          maxLength: 200,
          description: 'whom that mail names for more room: an address, a telephone number',
        },
      },
    },
    remote_target: {
      type: 'string',
      minLength: 1,
      default: 'mx',
      description: 'target for aliases and forwards that lead elsewhere',
    },
    forwards_per_day: {
      type: 'integer',
      minimum: 0,
      default: 1000,
      description: 'how many messages an account may send on in a day by its filing rules; 0: none',
    },
    automatic_forwards_per_day: {
      type: 'integer',
      minimum: 0,
      default: 100,
      description:
        'how many of them may be written by machines (Auto-Submitted, Precedence), which is what loops are made of',
    },
  },
} as const

/** Who answers for the roles is looked for among so many: a directory may hold a hundred thousand. One first, as further sources may be away. */
const FIRST_AMONG = [1, 100] as const

export default definePlugin({
  name: 'mda',
  summary: 'takes mail for our domains and files it',
  config: CONFIG,
  needs: ['accounts', 'store', 'tables'],
  supplies: ['local-recipients'],
  async setup({ config, files, server, services, state, clock, bus, log, metrics }) {
    const { aliases: file, faults } = await readAliases(files, config.aliases, server.domains)
    if (faults.length > 0) throw new ConfigError(faults)
    const postmaster = readPostmaster(config.postmaster)
    const accounts = services.get('accounts')
    const { mail } = services.get('store')
    const stored = new StoredAliases(services.get('tables').table('mda/aliases'), clock, bus)
    const resolving: ResolveParts = {
      domains: server.domains,
      aliases: aliasesOf(file, stored),
      byAddress: address => accounts.byAddress(address),
      firstAccount: () => firstOf(accounts),
      places: () => services.find('places'),
      separator: config.separator,
      ...(postmaster !== undefined && { postmaster }),
    }
    const { grace, grace_for: graceFor, warn_at: warnAt, contact } = config.quota
    const quotas = new QuotaKeeper({
      ...{ mail, state, clock, log },
      grace: { percent: grace, forMs: parseDuration(graceFor)! },
    })
    const warnings = new QuotaWarnings({
      ...{ accounts, mail, state, clock, log, metrics, keeper: quotas, full: config.full },
      notifier: () => services.find('notifier'),
      at: warnAt,
      ...(contact !== undefined && { contact }),
    })
    const parts: RouteParts = {
      server,
      quotas,
      outage: new Outage(clock),
      remote: config.remote_target,
      rewriter: () => services.find('sender-rewriter'),
      full: config.full,
      disabled: config.disabled,
      rules: () => services.find('filing-rules'),
      resolving,
    }
    const wishes: WishParts = {
      mail,
      rules: parts.rules,
      vacation: () => services.find('vacation'),
      forwards: {
        state,
        clock,
        perDay: config.forwards_per_day,
        automaticPerDay: config.automatic_forwards_per_day,
        remote: config.remote_target,
        rewriter: parts.rewriter,
        route: (address, sender) => routeFor({ address, sender, declared: 0, ofOurs: true }, parts, log),
      },
    }
    const rcpt = (address: AddressParts) => routeFor({ address, sender: null, declared: 0, ofOurs: false }, parts, log)
    return {
      commands: [
        ...aliasCommands({ domains: server.domains, file, stored, clock }),
        domainCommand({ server, accounts, file, stored }),
        quotaCommand({ accounts, mail, quotas }),
        addressCommand({
          ...parts,
          quotas,
          mail,
          tagFolders: config.tag_folders,
          rcpt,
          describe: describing(services),
        }),
      ],
      started: () => warnings.start(),
      async dispose() {
        await warnings.end()
        await stored.close()
      },
      services: { 'local-recipients': { accountsOf: address => accountsOf(address, resolving) } },
      hooks: {
        route: (asked, call) => decideRoute(asked, parts, call.log),
        message: asked => decideLoop(asked, server.domains),
      },
      targets: {
        mda: mdaTarget({ accounts, mail, quotas, tagFolders: config.tag_folders, full: config.full, wishes }),
      },
    }
  },
})

/** What the owner of a mailbox wishes, in words. */
function describing(services: Services): (account: Account) => Promise<readonly string[]> {
  return async account => [
    ...((await services.find('filing-rules')?.describe(account)) ?? []),
    ...((await services.find('vacation')?.describe(account)) ?? []),
  ]
}

async function firstOf(accounts: Accounts): Promise<Account | undefined> {
  for (const most of FIRST_AMONG) {
    const found = (await accounts.list(most)).find(account => account.disabled !== true)
    if (found !== undefined) return found
  }
  return undefined
}

function readPostmaster(text: string | undefined): AddressParts | undefined {
  return text === undefined ? undefined : parseAddress(text)
}
