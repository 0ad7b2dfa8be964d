/**
 * `posthouse serve`: the supervisor. It checks the configuration, holds the data directory, keeps the workers alive, and turns signals
 * into deeds: SIGTERM and SIGINT drain, SIGHUP puts a new generation of workers on the new configuration or refuses it whole, SIGUSR1
 * and SIGUSR2 open log files anew. It runs no plugin and serves no connection itself. See docs/decisions/0003.
 */
import { chmod } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ConfigError, type Fault, type Log } from '../api/plugin.js'
import { loadConfig } from '../config/load.js'
import type { Config, KnownConfig, ListenerConfig } from '../config/types.js'
import { type OpenLog, openLog } from '../log/log.js'
import { removeStale } from '../net/listener.js'
import { parseEndpoint } from '../text/endpoint.js'
import type { OpenDoor } from './app-types.js'
import { type ControlSocket, DataDirBusy, holdControlSocket, joinBus } from './bus.js'
import { CertificateError, CertificateKeeper, type Prepared } from './certificates.js'
import { DataDirError, readMark, writeMark } from './data-dir.js'
import { Generation, type Launch, toldOf } from './generation.js'
import { makeDataDir, makeLogDir, openNamedLog } from './named-dirs.js'
import { handOver } from './owner.js'
import { answerReloadAsked } from './reload-talk.js'
import { Spare } from './spare.js'
import { answerTlsAsked } from './tls-talk.js'

/** After `drain_timeout`: for closing stores and giving leases back. */
const GRACE_MS = 15_000
/** With a disk and processors that others use up, a worker was seen to stand still for ten seconds and more: to kill it makes that worse. */
const HANG_MS = 60_000
const MAX_AUTO_WORKERS = 8

/** Told once; without doors when they could not be opened. */
export type FirstLines = (doors: readonly OpenDoor[]) => readonly string[]

export interface ServeParts {
  readonly configDir: string
  /** The script that workers run; it calls `runWorker`. */
  readonly workerScript: string
  /** Of the same script and directory; left out: started now. */
  readonly spare?: Spare
  /** At the very first start on a data directory: makes what is needed (demo accounts), and says what the person at the terminal is told. */
  readonly firstStart?: (config: Config, log: Log) => Promise<FirstLines>
  /** For people; not to where the log goes. */
  print(line: string): void
  warn(line: string): void
  readonly hangMs?: number
  /** Waits before a worker that ended unasked is replaced, by how often in a row. */
  readonly restartMs?: readonly number[]
}

/** Resolves to the exit code when all is over. */
export async function serve(parts: ServeParts): Promise<number> {
  const spare = parts.spare ?? new Spare(parts.workerScript, parts.configDir)
  try {
    return await serveWith(parts, spare)
  } finally {
    spare.end()
  }
}

async function serveWith(parts: ServeParts, spare: Spare): Promise<number> {
  const { config, known, faults, warnings } = await loadConfig(parts.configDir)
  if (config === undefined) return refuse(parts, faults)
  for (const f of warnings) parts.warn(`${f.file}:${f.line}:${f.column}: ${f.message}`)
  try {
    await makeDataDir(config)
    await config.kept?.save()
    const logs = { current: await openNamedLog(config) }
    const control = await holdControlSocket(join(config.dataDir, 'control.sock'), () => logs.current.log)
    const supervisor = new Supervisor(parts, config, logs, control, spare)
    return await supervisor.run(known?.())
  } catch (error) {
    if (error instanceof ConfigError) return refuse(parts, error.faults)
    if (!isExpected(error)) throw error
    parts.warn(`posthouse: ${(error as Error).message}`)
    return 1
  }
}

function isExpected(error: unknown): boolean {
  if ([DataDirBusy, DataDirError, CertificateError].some(kind => error instanceof kind)) return true
  return (error as NodeJS.ErrnoException).code !== undefined
}

function refuse(parts: ServeParts, faults: readonly Fault[]): number {
  for (const f of faults) parts.warn(`${f.file}:${f.line}:${f.column}: ${f.message}`)
  parts.warn(
    `posthouse: not started, ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'} in the configuration`,
  )
  return 1
}

class Supervisor {
  readonly #parts: ServeParts
  readonly #control: ControlSocket
  readonly #spare: Spare
  readonly #certificates: CertificateKeeper
  readonly #draining = new Set<Generation>()
  #config: Config
  /** Another one after a reload. */
  readonly #logs: { current: OpenLog }
  #current: Generation | undefined
  #coming: Generation | undefined
  #numbers = 0
  #reloading: Promise<void> | undefined
  #reloadAgain = false
  #stopping = false
  #over: (code: number) => void = () => undefined
  readonly #end: Promise<number>

  constructor(parts: ServeParts, config: Config, logs: { current: OpenLog }, control: ControlSocket, spare: Spare) {
    this.#parts = parts
    this.#config = config
    this.#logs = logs
    this.#control = control
    this.#spare = spare
    this.#certificates = new CertificateKeeper({
      log: () => this.#log.log,
      give: tls => {
        // one that is coming has what it was started with
        for (const generation of [...this.#draining, this.#current]) generation?.tellAll({ kind: 'tls', tls })
      },
    })
    this.#end = new Promise(resolve => {
      this.#over = resolve
    })
  }

  get #log(): OpenLog {
    return this.#logs.current
  }

  /** `known`: what the files came to, for the workers. */
  async run(known: KnownConfig | undefined): Promise<number> {
    this.#listenToSignals()
    const bus = joinBus(join(this.#config.dataDir, 'control.sock'), () => this.#log.log, true)
    answerTlsAsked(bus, () => this.#certificates.look(true))
    answerReloadAsked(
      bus,
      () => this.#reload(),
      domain => this.#config.domains.includes(domain),
    )
    try {
      await prepare(this.#config, [])
      const certificates = await this.#certificates.prepare(this.#config)
      const lines = await this.#firstStart()
      handOver(this.#config, this.#config.dataDir)
      handOverLog(this.#config)
      if (this.#stopping) return await this.#end
      const launch = await this.#launch(this.#config, known, certificates)
      if (this.#stopping) return await this.#end
      if (launch.kind !== 'ready') return this.#notStarted(launch, lines)
      this.#greet(launch.doors, lines)
      this.#certificates.watch()
      if (this.#reloadAgain) void this.#reload()
      return await this.#end
    } finally {
      this.#certificates.close()
      await bus.close()
      await this.#control.close()
    }
  }

  async #firstStart(): Promise<FirstLines> {
    const { dataDir } = this.#config
    if ((await readMark(dataDir)) === 'known') return () => []
    const lines = (await this.#parts.firstStart?.(this.#config, this.#log.log)) ?? (() => [])
    await writeMark(dataDir, Date.now())
    return lines
  }

  async #launch(config: Config, known: KnownConfig | undefined, certificates: Prepared): Promise<Launch> {
    const generation: Generation = new Generation({
      number: ++this.#numbers,
      configDir: this.#parts.configDir,
      known,
      workers: workersOf(config),
      spare: this.#spare,
      // workers that are replaced later get what is in force then
      tls: () => (this.#coming === generation ? certificates.material : this.#certificates.material),
      hangMs: this.#parts.hangMs ?? HANG_MS,
      ...(this.#parts.restartMs === undefined ? {} : { restartMs: this.#parts.restartMs }),
      log: () => this.#log.log,
    })
    this.#coming = generation
    const launch = await generation.launch()
    // in one step: whoever is told to end meanwhile must be in one of these places
    this.#coming = undefined
    if (launch.kind === 'ready') {
      if (this.#current !== undefined) this.#draining.add(this.#current)
      this.#current = generation
      certificates.use()
      // one may have been ordered while the workers started, and nobody listened
      void this.#certificates.look(false)
      await openUnixSockets(launch.doors, this.#log.log)
    }
    return launch
  }

  #notStarted(trouble: Exclude<Launch, { kind: 'ready' }>, lines: FirstLines): number {
    // made once and never told again
    for (const line of lines([])) this.#parts.warn(line)
    if (trouble.kind === 'faults') return refuse(this.#parts, trouble.faults)
    this.#parts.warn(`posthouse: not started: ${trouble.message}`)
    return 1
  }

  #greet(doors: readonly OpenDoor[], lines: FirstLines): void {
    const { name, dataDir } = this.#config
    const workers = workersOf(this.#config)
    this.#log.log.info({ name, doors: doors.map(d => `${d.name} ${d.address}`), workers, pid: process.pid }, 'ready')
    // on standard error: standard output may be the log, which is JSON when no terminal reads it
    const { warn } = this.#parts
    warn(`posthouse is ready: ${name}, ${workers} ${workers === 1 ? 'worker' : 'workers'}, data in ${dataDir}`)
    for (const door of doors)
      warn(`  ${door.name.padEnd(14)} ${door.protocol.padEnd(5)} ${door.address.padEnd(22)} TLS ${door.tls}`)
    for (const line of lines(doors)) warn(line)
  }

  #listenToSignals(): void {
    process.on('SIGTERM', () => this.#stop('SIGTERM'))
    process.on('SIGINT', () => this.#stop('SIGINT'))
    process.on('SIGHUP', () => void this.#reload())
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => this.#reopen())
  }

  #reopen(): void {
    this.#log.reopen()
    handOverLog(this.#config)
    for (const generation of this.#all()) generation.tellAll({ kind: 'reopen' })
  }

  #all(): readonly Generation[] {
    return [...this.#draining, this.#current, this.#coming].filter(generation => generation !== undefined)
  }

  #stop(signal: string): void {
    if (this.#stopping) {
      this.#log.log.warn({ signal }, 'told twice to end, sessions are cut')
      for (const generation of this.#all()) generation.kill()
      return
    }
    this.#stopping = true
    this.#log.log.info(
      { signal, drainMs: this.#config.drainMs },
      'ending: nothing new is accepted, open sessions finish',
    )
    const last = this.#all().map(generation => generation.drain(this.#config.drainMs + GRACE_MS))
    void Promise.all(last).then(() => {
      this.#log.log.info({}, 'ended')
      this.#over(0)
    })
  }

  /** One after the other: a SIGHUP during a reload means another one after it. Resolves when the last is over. */
  async #reload(): Promise<void> {
    if (this.#stopping) return
    this.#reloadAgain = true
    // during the start: `run` comes back to it
    if (this.#current === undefined) return
    this.#reloading ??= this.#reloadAll()
    await this.#reloading
  }

  async #reloadAll(): Promise<void> {
    try {
      while (this.#reloadAgain && !this.#stopping) {
        this.#reloadAgain = false
        await this.#reloadOnce()
      }
    } catch (error) {
      if (error instanceof ConfigError) this.#refused({ kind: 'faults', faults: error.faults })
      else this.#log.log.error({ err: error }, 'reload failed, the old configuration stays')
    } finally {
      this.#reloading = undefined
    }
  }

  async #reloadOnce(): Promise<void> {
    const { config, known, faults } = await loadConfig(this.#parts.configDir)
    if (config === undefined) return this.#refused({ kind: 'faults', faults })
    if (config.dataDir !== this.#config.dataDir) {
      return this.#refused({ kind: 'failed', message: 'the data directory cannot change while the server runs' })
    }
    await prepare(config, this.#config.listeners)
    const certificates = await this.#certificates.prepare(config).catch(error => {
      if (error instanceof CertificateError) return error
      throw error
    })
    if (certificates instanceof CertificateError)
      return this.#refused({ kind: 'failed', message: certificates.message })
    handOver(config, config.dataDir)
    const old = this.#current!
    const launch = await this.#launch(config, known?.(), certificates)
    if (this.#stopping) return
    if (launch.kind !== 'ready') return this.#refused(launch)
    const drainMs = this.#config.drainMs + GRACE_MS
    this.#config = config
    this.#log.close()
    this.#logs.current = openLog(config.log)
    this.#log.log.info(
      { generation: this.#numbers, doors: launch.doors.map(d => `${d.name} ${d.address}`) },
      'reloaded',
    )
    void old.drain(drainMs).then(() => this.#draining.delete(old))
  }

  #refused(trouble: Exclude<Launch, { kind: 'ready' }>): void {
    const { log } = this.#log
    if (trouble.kind === 'faults') {
      for (const { file, line, column, message } of trouble.faults) {
        log.error({ place: `${file}:${line}:${column}`, fault: message }, 'the new configuration has a fault')
      }
    }
    log.error({ trouble: toldOf(trouble) }, 'reload refused, the old configuration stays')
  }
}

/** As open as a port on loopback; the directory decides who gets to it. Workers that gave up root could not do this. */
async function openUnixSockets(doors: readonly OpenDoor[], log: Log): Promise<void> {
  for (const { address } of doors) {
    const parts = parseEndpoint(address)
    if (parts?.kind !== 'unix') continue
    // taken away by somebody: the server that runs all the same must not be left half swapped
    await chmod(parts.path, 0o666).catch(error =>
      log.error({ address, error }, 'unix socket could not be opened to all'),
    )
  }
}

/** The file is made here, maybe by root; workers must be able to open it. */
function handOverLog(config: Config): void {
  if (config.log.file !== '-') handOver(config, config.log.file)
}

/** What must be there before workers start: they would make it at the same time. */
async function prepare(config: Config, open: readonly ListenerConfig[]): Promise<void> {
  await makeLogDir(config)
  for (const { address } of config.listeners) {
    const parts = parseEndpoint(address)
    const isOpen = open.some(listener => listener.address === address)
    if (parts?.kind === 'unix' && !isOpen) await removeStale(parts.path)
  }
}

function workersOf(config: Config): number {
  return config.workers === 'auto' ? Math.min(availableParallelism(), MAX_AUTO_WORKERS) : config.workers
}
