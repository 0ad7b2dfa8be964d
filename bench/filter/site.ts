/**
 * A Posthouse whose doors are never opened: its plugins are set up from a configuration as for serving, and mails are put before them as if they came
 * in. No name service, and a data directory of its own in a temporary folder. The clock stands where each mail says.
 */
import { cpSync, mkdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError, type Log, type Verdict } from 'posthouse/api'
import { parse, stringify } from 'yaml'
import { type Assembly, assemble } from '../../core/app.js'
import { loadConfig } from '../../core/config/load.js'
import { MemoryMetrics } from '../../core/host/metrics.js'
import { findVerdict } from '../../core/pipeline/judging.js'
import { messageOf } from '../../core/storage/message.js'
import { anEnvelope, aSession, quietLog } from '../../core/testing/index.js'
import { ROOT } from '../lib/root.js'
import type { Mail } from './view.js'

export interface PluginLine {
  readonly use: string
  readonly with?: Readonly<Record<string, unknown>>
}

export interface SiteOrder {
  /** Empty so far; everything it writes is in it. */
  readonly folder: string
  /** Instead of those of the configuration. */
  readonly plugins?: readonly PluginLine[]
  /** Left out: as `posthouse init` would write it. */
  readonly config?: string
  /** `dns` of server.yaml. Left out: there is no name service. */
  readonly dns?: Readonly<Record<string, unknown>>
}

/** A finding with where it comes from. */
export interface Found {
  readonly name: string
  readonly points: number
  readonly group: string
  readonly says: string
}

export interface Judged {
  readonly sum: number
  readonly findings: readonly Found[]
  /** Between asking and knowing, a mail at a time. */
  readonly ms: number
}

/** The sum on paper is the sum of the points on paper, to the hundredth. */
export function addsUp({ sum, findings }: Judged): boolean {
  return findings.reduce((total, { points }) => total + Math.round(points * 100), 0) === Math.round(sum * 100)
}

export class Site {
  readonly #assembly: Assembly
  readonly #clock: { at: number }

  private constructor(assembly: Assembly, clock: { at: number }) {
    this.#assembly = assembly
    this.#clock = clock
  }

  /** Throws an error that tells all faults of the configuration. */
  static async open(order: SiteOrder): Promise<Site> {
    const dir = await writeConfig(order)
    const { config, faults } = await loadConfig(dir, 'leave')
    if (config === undefined) throw new ConfigError(faults)
    mkdirSync(config.dataDir, { recursive: true, mode: 0o700 })
    const clock = { at: Date.now() }
    const assembly = await assemble({
      config,
      log: failuresOnly,
      bus: { publish: () => undefined, subscribe: () => () => undefined },
      clock: { now: () => clock.at },
      metrics: new MemoryMetrics(),
    })
    return new Site(assembly, clock)
  }

  service<K extends string>(name: K): unknown {
    return this.#assembly.loaded.services.find(name as never)
  }

  /** What a command of a plugin prints with `--json`. */
  async command(
    name: string,
    args: readonly string[] = [],
    options: Readonly<Record<string, string | boolean>> = {},
  ): Promise<string> {
    const command = this.#assembly.loaded.commands.find(one => one.name === name)
    if (command === undefined) throw new Error(`no plugin has the command ${name}`)
    this.#clock.at = Date.now()
    const lines: string[] = []
    const print = (line: string) => void lines.push(line)
    await command.run({ args, options, json: true, print, warn: () => undefined, stdin: async () => '' })
    return lines.join('\n')
  }

  async judge(mail: Mail): Promise<Judged> {
    this.#clock.at = mail.at
    const began = performance.now()
    const { findings, sum } = await this.#verdict(mail)
    const ms = performance.now() - began
    return {
      sum,
      ms,
      findings: findings.map(({ name, points, says, group, plugin }) => ({
        name,
        points,
        says,
        group: group ?? plugin ?? 'ungrouped',
      })),
    }
  }

  async close(): Promise<void> {
    const store = this.#assembly.loaded.services.find('store')
    await this.#assembly.close()
    await store?.close()
  }

  async #verdict(mail: Mail): Promise<Verdict> {
    const { pipeline } = this.#assembly
    const scope = new Patient()
    const labels = new Set(['mx'])
    const session = aSession({ ...mail.session, labels })
    const envelope = anEnvelope(mail.envelope)
    if (session.protocol === 'smtp') {
      await pipeline.ask('connect', { session }, labels, scope)
      if (session.helo !== undefined) await pipeline.ask('helo', { session, name: session.helo }, labels, scope)
      await pipeline.ask('mail', { session, envelope }, labels, scope)
    }
    const verdict = await findVerdict(pipeline, { session, envelope, message: messageOf(mail.octets) }, scope)
    // A filter that fails is no filter: its silence is not taken for a verdict.
    const failed = verdict.findings.find(({ name, plugin }) => name === `${plugin}-failed`)
    if (failed !== undefined) throw new Error(failed.says)
    return verdict
  }
}

/** As a connection has it: its signal is made when somebody asks. */
class Patient {
  readonly log = failuresOnly
  #signal: AbortSignal | undefined

  get signal(): AbortSignal {
    this.#signal ??= new AbortController().signal
    return this.#signal
  }
}

const failuresOnly: Log = {
  ...quietLog,
  error: (facts, sentence) => void process.stderr.write(`${sentence}: ${JSON.stringify(facts)}\n`),
  child: () => failuresOnly,
}

async function writeConfig({ folder, plugins, config, dns = { servers: [] } }: SiteOrder): Promise<string> {
  const dir = join(folder, 'config')
  mkdirSync(folder, { recursive: true })
  cpSync(config ?? join(ROOT, 'core/host/templates'), dir, { recursive: true })
  const path = join(dir, 'server.yaml')
  const server = parse(await readFile(path, 'utf8')) as Record<string, unknown>
  await writeFile(path, stringify({ ...server, data: join(folder, 'data'), dns }))
  if (plugins !== undefined) await writeFile(join(dir, 'plugins.yaml'), stringify(plugins))
  return dir
}
