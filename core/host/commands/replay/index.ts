/**
 * `posthouse replay`: mail that has come, or mail in files, judged again by another configuration and its rules, to see before a reload which verdicts
 * flip and why. Nothing is changed, sent or learned, and the name service is asked only with --dns.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { CommandError, ConfigError, MailError } from '../../../api/index.js'
import { loadConfig } from '../../../config/load.js'
import type { Config } from '../../../config/types.js'
import { openLog } from '../../../log/log.js'
import { parseDuration } from '../../../text/index.js'
import type { AssembledForCommand, CliParts, OwnCommand, OwnRun } from '../../command-base.js'
import { rehearse } from '../../open.js'
import { mailInFiles } from './files.js'
import { Judge, type Judges, judgeAgain } from './judge.js'
import type { Passed, Replayed } from './mail.js'
import { recordedMail } from './recorded.js'
import { flips, jsonOf, linesOf, Summary } from './tell.js'

const MOST_PATHS = 10_000
const TELL_EVERY_MS = 5000
const FAULT = 2

export function replayCommand(parts: CliParts): OwnCommand {
  return {
    name: 'replay',
    summary: 'judge mail again by the configuration in --config, and list the verdicts that flip',
    usage: '--config NEW [--since 7d | --mail PATH…]',
    arity: [0, MOST_PATHS],
    options: {
      since: { type: 'string', value: 'TIME', description: 'recorded mail that came within this time; default 7d' },
      mail: { type: 'string', value: 'PATH', description: 'mail in these files, mboxes and folders instead' },
      current: { type: 'string', value: 'DIR', description: 'the configuration in use, to compare with' },
      dns: { type: 'boolean', description: 'let plugins ask the name service' },
      listener: { type: 'string', value: 'NAME', description: 'by which mail in files comes; default mx' },
      ip: { type: 'string', value: 'ADDRESS', description: 'of its client; default from its topmost Received' },
      helo: { type: 'string', value: 'NAME', description: 'that the client gave; default from there' },
      from: { type: 'string', value: 'ADDRESS', description: 'of its envelope; default from Return-Path' },
      to: { type: 'string', value: 'ADDRESS', description: 'of its envelope; default from Delivered-To' },
    },
    more: ['Exit code: 0 when no verdict flips, 1 when some do, 2 when it could not be found out.'],
    run: run => replay(run, parts),
  }
}

async function replay(run: OwnRun, parts: CliParts): Promise<number> {
  try {
    const wanted = await readWish(run)
    const dns = run.options.dns === true
    const config = await configIn(run.configDir)
    const current = await currentOf(run, config)
    if (wanted.paths !== undefined && current === undefined)
      throw new CommandError('mail in files has no verdict yet: name the configuration in use with --current')
    const data = await dataOf(current ?? config, wanted.paths !== undefined)
    const within = (one: Config) => ({ ...one, dataDir: data.dir })
    try {
      return await rehearse(within(config), parts, { dns }, async (assembled, rehearsal) => {
        const next = new Judge(assembled.pipeline, rehearsal, quiet())
        if (current === undefined) return await judgeAll(run, wanted, { next }, assembled, config)
        run.warn(`compared with the configuration in ${current.dir}`)
        return await rehearse(within(current), parts, { dns }, async (other, otherRehearsal) => {
          const inUse = new Judge(other.pipeline, otherRehearsal, quiet())
          return await judgeAll(run, wanted, { next, inUse }, other, config)
        })
      })
    } finally {
      await data.forget()
    }
  } catch (error) {
    throw faultOf(run, error)
  }
}

/** Whatever goes wrong, a script must not take it for a verdict that flips. */
function faultOf(run: OwnRun, error: unknown): CommandError {
  if (error instanceof ConfigError) {
    for (const one of error.faults) run.warn(`${one.file}:${one.line}:${one.column}: ${one.message}`)
    return new CommandError('the configuration is wrong, so nothing was judged', FAULT)
  }
  if (error instanceof CommandError || error instanceof MailError) return new CommandError(error.message, FAULT)
  // a bug: its place is wanted
  return new CommandError(error instanceof Error ? (error.stack ?? error.message) : String(error), FAULT)
}

interface Wanted {
  readonly since: number
  readonly paths?: readonly string[]
  readonly wishes: Parameters<typeof mailInFiles>[1]
}

async function readWish({ options, args }: OwnRun): Promise<Wanted> {
  const { since = '7d', mail, ip, helo, from, to, listener = 'mx' } = options as Record<string, string | undefined>
  const ms = parseDuration(since)
  if (ms === undefined) throw new CommandError(`--since ${since}: expected a time as 7d`)
  if (ip !== undefined && isIP(ip) === 0) throw new CommandError(`--ip ${ip}: expected an IP address`)
  if (mail === undefined && args.length > 0) throw new CommandError(`expected --mail in front of ${args[0]}`)
  const client = { ...(ip && { ip }), ...(helo && { helo }), ...(from !== undefined && { from }), ...(to && { to }) }
  const wishes = { listener, ...client }
  return { since: Date.now() - ms, wishes, ...(mail !== undefined && { paths: [mail, ...args] }) }
}

async function configIn(dir: string): Promise<Config> {
  const { config, faults } = await loadConfig(dir, 'leave')
  if (config === undefined) throw new ConfigError(faults)
  return config
}

/** A configuration that has no data of its own is a copy: what is in use is where commands look for it when they are not told. */
async function currentOf({ options, configDir }: OwnRun, config: Config): Promise<Config | undefined> {
  if (typeof options.current === 'string') {
    const dir = resolve(options.current)
    return dir === configDir ? undefined : configIn(dir)
  }
  const usual = resolve(process.env.POSTHOUSE_CONFIG ?? './config')
  if (existsSync(config.dataDir) || usual === configDir || !existsSync(join(usual, 'server.yaml'))) return undefined
  return configIn(usual)
}

/** Mail in files needs no data; but plugins want a directory. */
async function dataOf({ dataDir }: Config, files: boolean): Promise<{ dir: string; forget(): Promise<void> }> {
  if (existsSync(dataDir)) return { dir: dataDir, forget: async () => undefined }
  if (!files)
    throw new CommandError(`there is no mail: ${dataDir} does not exist; --current names the configuration in use`)
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-replay-'))
  return { dir, forget: () => rm(dir, { recursive: true, force: true }) }
}

async function judgeAll(
  run: OwnRun,
  { since, paths, wishes }: Wanted,
  judges: Judges,
  { loaded }: AssembledForCommand,
  { domains, name }: Config,
): Promise<number> {
  const passed: Passed = { unrecorded: 0, unreadable: 0 }
  const store = loaded.services.find('store')
  if (store === undefined) throw new CommandError('no plugin supplies the service "store", so there is no mail')
  const accounts = loaded.services.find('accounts')
  const mails: AsyncIterable<Replayed> =
    paths === undefined
      ? recordedMail({ store, accounts, since, passed })
      : mailInFiles(paths, wishes, { local: 'postmaster', domain: [...domains][0] ?? name })
  const summary = new Summary()
  let toldAt = Date.now()
  for await (const mail of mails) {
    const judged = await judgeAgain(mail, judges)
    summary.note(judged)
    if (flips(judged)) for (const line of run.json ? [JSON.stringify(jsonOf(judged))] : linesOf(judged)) run.print(line)
    if (Date.now() - toldAt < TELL_EVERY_MS) continue
    toldAt = Date.now()
    run.warn(`${summary.mails} messages judged again so far, ${summary.flipped} would fare otherwise`)
  }
  const kept = paths === undefined && judges.inUse === undefined ? judges.next.kept : []
  for (const line of run.json ? [JSON.stringify(summary.json(passed, kept))] : summary.lines(passed, kept))
    run.print(line)
  return summary.flipped === 0 ? 0 : 1
}

/** Trouble of plugins is told; what they object to is what this is about. */
function quiet() {
  return openLog({ level: 'error', file: 'err', pretty: 'always' }).log
}
