/** `posthouse tls ls` and `posthouse tls reload`: which certificates there are, and taking new ones into use at once. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CommandError, ConfigError } from '../../api/index.js'
import { shownPath } from '../../config/files.js'
import { loadConfig } from '../../config/load.js'
import type { Config } from '../../config/types.js'
import { openLog } from '../../log/log.js'
import { newId, readCertificate } from '../../text/index.js'
import { joinBus } from '../bus.js'
import type { OwnCommand, OwnRun } from '../command-base.js'
import { daysLeft } from '../expiry.js'
import { type Source, sourcesOf } from '../sources.js'
import { askForLook } from '../tls-talk.js'

const ANSWER_MS = 15_000

interface Row {
  readonly names: readonly string[]
  readonly issuer?: string
  readonly until?: string
  readonly days?: number
  readonly fingerprint?: string
  readonly from: Source['kind']
  readonly file: string
  readonly trouble?: string
}

export function tlsLsCommand(): OwnCommand {
  return {
    name: 'tls ls',
    summary: 'list certificates: names, issuer, days left, where from',
    arity: [0, 0],
    run: async run => {
      const config = await configOf(run)
      const now = Date.now()
      const rows = await Promise.all((await sourcesOf(config)).map(source => rowOf(source, now)))
      if (run.json) run.print(JSON.stringify(rows, null, 2))
      else for (const row of rows) print(run, row)
      return rows.some(row => row.trouble !== undefined) ? 1 : 0
    },
  }
}

async function rowOf(source: Source, now: number): Promise<Row> {
  const { kind: from, certificate: file } = source
  const read = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => error)
  if (typeof read !== 'string')
    return { names: source.names ?? [], from, file, trouble: `cannot be read: ${read.code ?? read.message}` }
  const facts = readCertificate(read)
  if (facts === undefined) return { names: source.names ?? [], from, file, trouble: 'not a certificate in PEM form' }
  return {
    names: source.names ?? facts.names,
    issuer: facts.selfSigned ? 'itself' : facts.issuer,
    until: new Date(facts.until).toISOString(),
    days: daysLeft(facts, now),
    fingerprint: facts.fingerprint,
    from,
    file,
  }
}

function print(run: OwnRun, { names, issuer, days, until, from, file, trouble }: Row): void {
  run.print(names.join(', ') || '(no names)')
  if (trouble !== undefined) run.print(`  ${shownPath(file)}: ${trouble}`)
  if (days === undefined || until === undefined) return
  const date = until.slice(0, 10)
  const when = days < 0 ? `has run out on ${date}` : `${days} ${days === 1 ? 'day' : 'days'} left, until ${date}`
  run.print(`  issued by ${issuer}; ${when}; ${from}, ${shownPath(file)}`)
}

export function tlsReloadCommand(): OwnCommand {
  return {
    name: 'tls reload',
    summary: 'have the running server take new certificates into use now; open sessions go on',
    arity: [0, 0],
    run: async run => {
      const { dataDir } = await configOf(run)
      const told = await ask(dataDir)
      if (run.json) run.print(JSON.stringify(told))
      else {
        const { certificates: count, changed } = told
        const what = `${count} ${count === 1 ? 'certificate' : 'certificates'}`
        run.print(changed ? `taken into use: ${what}` : `nothing has changed: ${what} in use`)
        for (const trouble of told.troubles) run.warn(`posthouse: ${trouble}`)
      }
      return told.troubles.length > 0 ? 1 : 0
    },
  }
}

async function ask(dataDir: string) {
  const path = join(dataDir, 'control.sock')
  if (!existsSync(path)) throw new CommandError(`no server runs on ${dataDir}`)
  const { log } = openLog({ level: 'warn', file: 'err', pretty: 'always' })
  const bus = joinBus(path, () => log, false)
  try {
    const told = await askForLook(bus, newId(Date.now()), ANSWER_MS)
    if (told === undefined) throw new CommandError(`the server did not answer within ${ANSWER_MS / 1000} seconds`)
    return told
  } finally {
    await bus.close()
  }
}

async function configOf({ configDir }: OwnRun): Promise<Config> {
  const { config, faults } = await loadConfig(configDir, 'leave')
  if (config === undefined) throw new ConfigError(faults)
  return config
}
