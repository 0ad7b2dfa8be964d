/**
 * `posthouse domain add` and `domain remove`: a domain more or less in server.yaml, where domains stand, and the running server on it. The file is
 * changed at that one place; whatever `check` then finds wrong puts the old text back.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CommandError, MailError } from '../../api/index.js'
import { editList, type ListEdit } from '../../config/edit-list.js'
import { loadConfig } from '../../config/load.js'
import type { Config } from '../../config/types.js'
import { openLog } from '../../log/log.js'
import { closest, newId, normaliseDomain, parseAddress, printable, toAsciiDomain } from '../../text/index.js'
import { joinBus } from '../bus.js'
import type { CliParts, OwnCommand, OwnRun } from '../command-base.js'
import { withPlugins } from '../open.js'
import { askForReload } from '../reload-talk.js'
import { accountsApart, faultsApart, mustStayRoot } from './apart.js'
import { faultsOf } from './check.js'

/** A start of new workers takes some seconds; on a busy machine more. */
const ANSWER_MS = 60_000
const MOST_NAMED = 5

export function domainCommands(parts: CliParts): readonly OwnCommand[] {
  return [
    {
      name: 'domain add',
      summary: 'take mail for one more domain: adds it to server.yaml and has the running server take it into use',
      usage: 'DOMAIN',
      arity: [1, 1],
      run: run => add(parts, run),
    },
    {
      name: 'domain remove',
      summary: 'take no more mail for a domain: removes it from server.yaml, and from the running server',
      usage: 'DOMAIN',
      arity: [1, 1],
      options: { force: { type: 'boolean', description: 'although accounts have addresses there' } },
      run: run => remove(parts, run),
    },
  ]
}

async function add(parts: CliParts, run: OwnRun): Promise<undefined> {
  const domain = readDomain(run.args[0]!)
  const config = await configOf(run)
  if (spelt(config.domains, domain) !== undefined) throw new CommandError(`${domain} is one of our domains already`)
  if (spelt(config.relayDomains, domain) !== undefined)
    throw new CommandError(`${domain} is relayed (relay_domains of server.yaml); remove it there first`)
  await edit(parts, run, config, { kind: 'add', value: domain })
  await tell(run, config, domain, true)
}

async function remove(parts: CliParts, run: OwnRun): Promise<undefined> {
  const domain = readDomain(run.args[0]!)
  const config = await configOf(run)
  const written = spelt(config.domains, domain)
  if (written === undefined) {
    const near = closest(domain, config.domains)
    throw new CommandError(`${domain} is none of our domains${near === undefined ? '' : `; did you mean ${near}?`}`)
  }
  if (run.options.force !== true) await refuseUsed(parts, run, config, written)
  await edit(parts, run, config, { kind: 'remove', value: written })
  await tell(run, config, written, false)
}

function readDomain(text: string): string {
  const domain = normaliseDomain(text)
  if (domain === undefined) throw new CommandError(`"${printable(text, 80)}" is no domain: expected example.org`)
  return domain
}

/** As it is written in the config, in whichever form. */
function spelt(domains: readonly string[], domain: string): string | undefined {
  const ascii = (text: string) => toAsciiDomain(text) ?? text
  return domains.find(one => ascii(one) === ascii(domain))
}

/** Mail for these people would be refused from now on. */
async function refuseUsed(parts: CliParts, { configDir }: OwnRun, config: Config, domain: string): Promise<void> {
  const at = toAsciiDomain(domain) ?? domain
  const list = mustStayRoot(config)
    ? accountsApart(parts.script, configDir)
    : withPlugins(configDir, parts, 'command', async ({ services }) => (await services.find('accounts')?.list()) ?? [])
  const accounts = await list.catch((error: unknown) => {
    if (!(error instanceof MailError || error instanceof CommandError)) throw error
    throw new CommandError(
      `whether accounts have addresses there cannot be known (${error.message}); --force does not ask`,
    )
  })
  const used = accounts
    .flatMap(({ addresses }) => addresses)
    .filter(address => {
      const of = parseAddress(address)?.domain ?? ''
      return (toAsciiDomain(of) ?? of) === at
    })
  if (used.length === 0) return
  const named = used.slice(0, MOST_NAMED).join(', ')
  const more = used.length > MOST_NAMED ? ` and ${used.length - MOST_NAMED} more` : ''
  throw new CommandError(`accounts have addresses there: ${named}${more}; --force removes the domain all the same`)
}

/** Throws when the file is as it was. */
async function edit(parts: CliParts, { configDir }: OwnRun, config: Config, wish: ListEdit): Promise<void> {
  // Where it is a link, the file behind it is changed.
  const path = await realpath(join(configDir, 'server.yaml'))
  const before = await readFile(path, 'utf8')
  const check = () => (mustStayRoot(config) ? faultsApart(parts.script, configDir) : faultsOf(configDir, parts))
  if ((await check()).length > 0)
    throw new CommandError('the configuration has faults as it is; posthouse check tells them')
  const after = editList(before, 'domains', wish)
  if (after === undefined)
    throw new CommandError('`domains` of server.yaml is written in a way that only its owner should change')
  await replace(path, after)
  const faults = await check().catch(async (error: unknown) => {
    await replace(path, before)
    throw error
  })
  if (faults.length === 0) return
  await replace(path, before)
  const [{ file, line, column, message }] = faults as [(typeof faults)[number]]
  throw new CommandError(`nothing was changed, as it would be wrong then: ${file}:${line}:${column}: ${message}`)
}

/** Whole or not at all, as open as it was, and whose it was: the server's user reads it by its group. */
async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  const { mode, uid, gid } = await stat(path)
  const file = await open(temporary, 'wx', 0o600)
  try {
    if (process.getuid?.() === 0) await file.chown(uid, gid)
    await file.chmod(mode & 0o777)
    await file.writeFile(text)
    await file.sync()
    await file.close()
    await rename(temporary, path)
  } catch (error) {
    await file.close().catch(() => undefined)
    await rm(temporary, { force: true })
    throw error
  }
}

async function tell(run: OwnRun, { dataDir }: Config, domain: string, wanted: boolean): Promise<undefined> {
  const server = await takenUp(dataDir, domain, wanted)
  if (run.json) run.print(JSON.stringify({ domain, [wanted ? 'added' : 'removed']: true, server }))
  else run.print(`${domain} ${wanted ? 'added' : 'removed'}; ${IN_WORDS[server]}`)
}

const IN_WORDS = {
  'not running': 'no server runs here',
  reloaded: 'the server has taken it up',
  refused: 'the server goes on without it: its log says why',
  silent: `the server did not answer within ${ANSWER_MS / 1000} seconds: its log says how it went`,
} as const

async function takenUp(dataDir: string, domain: string, wanted: boolean): Promise<keyof typeof IN_WORDS> {
  const path = join(dataDir, 'control.sock')
  if (!existsSync(path)) return 'not running'
  const { log } = openLog({ level: 'warn', file: 'err', pretty: 'always' })
  const bus = joinBus(path, () => log, false)
  try {
    const isOurs = await askForReload(bus, newId(Date.now()), domain, ANSWER_MS)
    if (isOurs === undefined) return 'silent'
    return isOurs === wanted ? 'reloaded' : 'refused'
  } finally {
    await bus.close()
  }
}

async function configOf({ configDir }: OwnRun): Promise<Config> {
  const { config } = await loadConfig(configDir, 'leave')
  if (config === undefined) throw new CommandError('the configuration has faults; posthouse check tells them')
  return config
}
