/**
 * `posthouse accounts …`: the directory as the server sees it, source by source: which there are and whether they answer, whom each of them
 * has under a name, and all of them together. For who asks why somebody is not found, or found in the wrong place.
 */
import { type Account, type Accounts, type Bus, MailError } from '../../api/index.js'
import { formatSize, printable } from '../../text/index.js'
import { type AccountSource, FORGET } from '../accounts/joined.js'
import type { CliParts, OwnCommand, OwnRun } from '../command-base.js'
import type { Loaded } from '../loaded.js'
import { withPlugins } from '../open.js'

/** Enough for the sources and what they keep. */
const NEEDED = ['accounts', 'store', 'state', 'tables'] as const

export function accountsCommands(parts: CliParts): readonly OwnCommand[] {
  const command = (
    about: Pick<OwnCommand, 'name' | 'summary' | 'usage' | 'arity'>,
    work: (run: OwnRun, loaded: Loaded, bus: Bus) => Promise<number>,
  ): OwnCommand => ({
    ...about,
    run: run =>
      withPlugins(
        run.configDir,
        parts,
        'command',
        (loaded, _config, _assembled, bus) => work(run, loaded, bus),
        NEEDED,
      ),
  })
  return [
    command(
      { name: 'accounts sources', summary: 'list where accounts come from, and whether it answers', arity: [0, 0] },
      (run, { accounts }) => sources(run, accounts.sources),
    ),
    command(
      {
        name: 'accounts find',
        summary: 'say whom each source has under a login, an address or an id, asked anew',
        usage: 'WHO',
        arity: [1, 1],
      },
      (run, { accounts }) => find(run, accounts.sources),
    ),
    command(
      { name: 'accounts list', summary: 'list the accounts of all sources', arity: [0, 0] },
      (run, { accounts }) => list(run, accounts.sources),
    ),
    command(
      {
        name: 'accounts forget',
        summary: 'have the running server ask its sources anew, in place of what it keeps of them',
        arity: [0, 0],
      },
      async (run, _loaded, bus) => {
        bus.publish(FORGET, '')
        run.print(run.json ? JSON.stringify({ told: true }) : 'told: what is kept of accounts is asked anew')
        return 0
      },
    ),
  ]
}

interface ToldSource {
  readonly source: string
  readonly plugin: string
  readonly answers: boolean
  readonly trouble?: string
}

/** Exit code 1: one does not answer. */
async function sources(run: OwnRun, all: readonly AccountSource[]): Promise<number> {
  const told: ToldSource[] = []
  for (const { name, plugin, accounts } of all) {
    const answer = await asked(() => accounts.list(1))
    told.push({ source: name, plugin, answers: !('trouble' in answer), ...('trouble' in answer && answer) })
  }
  if (run.json) run.print(JSON.stringify(told, null, 2))
  else if (told.length === 0) run.print('no entry of plugins.yaml supplies accounts')
  else
    for (const { source, plugin, trouble } of told)
      run.print(`${nameOf(source, plugin)}  ${trouble === undefined ? 'answers' : `does not answer: ${trouble}`}`)
  return told.every(({ answers }) => answers) ? 0 : 1
}

type Way = 'login' | 'address' | 'id'

interface Found {
  readonly source: string
  readonly plugin: string
  readonly by?: Way
  readonly account?: Account
  /** A source above has it, so that this one is not asked. */
  readonly hidden?: boolean
  readonly trouble?: string
}

/** Exit code 1: nobody has it, or a source did not say. */
async function find(run: OwnRun, all: readonly AccountSource[]): Promise<number> {
  const who = run.args[0]!
  const found: Found[] = []
  for (const { name: source, plugin, accounts } of all) {
    const answer = await asked(() => whoIs(accounts, who))
    const above = found.some(({ account, trouble }) => account !== undefined || trouble !== undefined)
    if ('trouble' in answer) found.push({ source, plugin, ...answer })
    else if (answer.value === undefined) found.push({ source, plugin })
    else found.push({ source, plugin, ...answer.value, ...(above && { hidden: true }) })
  }
  if (run.json) run.print(JSON.stringify({ who, found }, null, 2))
  else for (const one of found) run.print(inWords(one, who))
  return found.some(({ account }) => account !== undefined) && found.every(one => one.trouble === undefined) ? 0 : 1
}

async function whoIs(accounts: Accounts, who: string): Promise<Pick<Found, 'by' | 'account'> | undefined> {
  const ways = [
    ['login', () => accounts.byLogin(who)],
    ['address', () => accounts.byAddress(who.toLowerCase())],
    ['id', () => accounts.byId(who)],
  ] as const
  for (const [by, ask] of ways) {
    const account = await ask()
    if (account !== undefined) return { by, account }
  }
  return undefined
}

function inWords({ source, plugin, by, account, hidden, trouble }: Found, who: string): string {
  const name = nameOf(source, plugin)
  if (trouble !== undefined) return `${name}: does not answer: ${trouble}`
  if (account === undefined) return `${name}: nobody is ${printable(who, 100)}`
  const above = hidden ? ' (a source above comes first)' : ''
  return `${name}: by ${by}: ${lineOf(account)}, id ${account.id}${above}`
}

/** Exit code 1: a source does not answer, so that its people are missing. */
async function list(run: OwnRun, sources: readonly AccountSource[]): Promise<number> {
  const all: Account[] = []
  const seen = new Set<string>()
  let code = 0
  for (const { name, plugin, accounts } of sources) {
    const answer = await asked(() => accounts.list())
    if ('trouble' in answer) {
      run.warn(`${nameOf(name, plugin)} does not answer, its people are missing here: ${answer.trouble}`)
      code = 1
      continue
    }
    for (const account of answer.value) {
      const login = `login ${account.login.toLowerCase()}`
      // A source above has them.
      if (seen.has(login) || seen.has(account.id)) continue
      seen.add(login).add(account.id)
      all.push({ ...account, source: name })
    }
  }
  if (run.json) run.print(JSON.stringify(all, null, 2))
  else for (const account of all) run.print(`${lineOf(account)}  from ${account.source}`)
  return code
}

function lineOf({ login, addresses, quotaBytes, quotaMessages, disabled }: Account): string {
  const notes = [
    addresses.length === 0 ? 'no address' : addresses.join(', '),
    quotaBytes === undefined ? '' : `quota ${formatSize(quotaBytes)}`,
    quotaMessages === undefined ? '' : `quota ${quotaMessages} messages`,
    disabled ? 'disabled' : '',
  ]
  return [printable(login, 200), ...notes.filter(note => note !== '')].join('  ')
}

function nameOf(source: string, plugin: string): string {
  return source === plugin ? source : `${source} (${plugin})`
}

type Answer<T> = { readonly value: T } | { readonly trouble: string }

async function asked<T>(ask: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await ask() }
  } catch (error) {
    if (!(error instanceof MailError)) throw error
    return { trouble: withCause(error) }
  }
}

/** An admin wants to know why. */
function withCause({ message, cause }: Error): string {
  const why = cause instanceof Error ? withCause(cause) : undefined
  return printable(why === undefined || message.includes(why) ? message : `${message}: ${why}`, 500)
}
