/**
 * A worker process: gets its orders from the supervisor, runs the application, drains when told, and ends when the supervisor is gone.
 * Root is given up before any plugin runs. What wants root is the supervisor's: it opens ports below 1024, as node:cluster has it, and
 * hands over certificates and keys, at the start and whenever they change.
 */
import type { SendHandle } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bus, Log } from '../api/index.js'
import { loadConfig } from '../config/load.js'
import type { Config } from '../config/types.js'
import { type OpenLog, openLog } from '../log/log.js'
import type { PassOn, RawConnection } from '../net/passing.js'
import { openTls, type Tls } from '../net/tls.js'
import type { TlsMaterial } from '../net/types.js'
import type { App, StartApp } from './app-types.js'
import { joinBus } from './bus.js'
import { loadBundled } from './find.js'
import type { FromWorker, ToWorker } from './messages.js'
import { MemoryMetrics } from './metrics.js'
import { giveUpRoot } from './owner.js'

const BEAT_MS = 1000
const CLOSE_MS = 10_000
/** After `ready`: until then what a start leaves for later is loaded too. */
const OVER_MS = 5000
/** lmdb may still be writing when its promises have resolved; ending at once was seen to crash in its write worker. */
const SETTLE_MS = 50

type StartOrder = Extract<ToWorker, { kind: 'start' }>

interface Running {
  readonly app: App
  readonly config: Config
  readonly log: OpenLog
  readonly tls: Tls
  readonly bus: Bus & { close(): Promise<void> }
}

export interface Ahead {
  /** Loads the application. */
  load?(): Promise<unknown>
  /** Told when a start is over; one worker writes for all. */
  readonly kept?: { over(writes: boolean): Promise<void> }
}

/** Never returns: the process ends by `process.exit`. */
export function runWorker(startApp: StartApp, { load = async () => undefined, kept }: Ahead = {}): void {
  let running: Promise<Running | undefined> | undefined
  let ending = false
  const end = () => {
    if (ending) return
    ending = true
    void drain(running)
  }
  // the terminal sends these to every process of the group; the supervisor decides what they mean
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => undefined)
  process.on('SIGTERM', end)
  process.on('disconnect', end)
  process.on('message', (order: ToWorker, connection?: RawConnection) => {
    if (order.kind === 'take') void running?.then(it => take(it, order.door, connection))
    else if (order.kind === 'start') {
      running ??= start(order, startApp)
      void running.then(() => setTimeout(() => void kept?.over(order.worker === 1), OVER_MS).unref())
    } else if (order.kind === 'drain') end()
    else if (order.kind === 'tls') void running?.then(it => it && swap(it, order.tls))
    else void running?.then(it => it?.log.reopen())
  })
  tell({ kind: 'here' })
  const [, , , configDir] = process.argv
  if (configDir !== undefined) void loadAhead(configDir, load)
}

/** While the supervisor checks what it checks. No plugin but bundled ones: root has not been given up yet. Trouble comes again, and is told then. */
async function loadAhead(configDir: string, load: () => Promise<unknown>): Promise<void> {
  const plugins = readFile(join(configDir, 'plugins.yaml'), 'utf8').then(loadBundled)
  await Promise.allSettled([load(), plugins])
}

async function start(order: StartOrder, startApp: StartApp): Promise<Running | undefined> {
  const beat = setInterval(() => tell({ kind: 'beat' }), BEAT_MS)
  try {
    const { config, faults } = await loadConfig(order.configDir, 'leave', order.known)
    if (config === undefined) return giveUp({ kind: 'faults', faults })
    const log = openLog({ ...config.log, facts: { worker: order.worker } })
    mindBugs(log.log)
    const tls = openTls(config.tls, order.tls)
    giveUpRoot(config)
    const bus = joinBus(join(config.dataDir, 'control.sock'), () => log.log, true)
    const metrics = new MemoryMetrics()
    const app = await startApp({
      config,
      log: log.log,
      bus,
      clock: Date,
      metrics,
      tls,
      workers: order.workers,
      worker: order.worker,
      doorsFirst: order.doorsFirst,
      passOn,
    })
    tell({ kind: 'ready', doors: app.doors })
    return { app, config, log, tls, bus }
  } catch (error) {
    clearInterval(beat)
    return giveUp(troubleOf(error))
  }
}

/** To the supervisor, which hands it to that worker. */
const passOn: PassOn = (door, worker, connection, sent) => {
  if (!process.connected || process.send === undefined) return sent(false)
  const message: FromWorker = { kind: 'pass', door, worker }
  process.send(message, connection as SendHandle, undefined, error => sent(error === null))
}

function take(running: Running | undefined, door: string, connection: RawConnection | undefined): void {
  if (connection === undefined) return
  if (running?.app.take === undefined) connection.close()
  else running.app.take(door, connection)
}

/** The supervisor has tried it out; should it fail here all the same, nothing changes. */
function swap({ tls, log }: Running, material: TlsMaterial): void {
  try {
    tls.swap(material)
    log.log.debug({ certificates: material.pairs.length }, 'certificates taken')
  } catch (error) {
    log.log.error({ err: error }, 'certificates could not be taken, the ones before stay')
  }
}

function troubleOf(error: unknown): FromWorker {
  const { name, message, stack, faults } = error as Error & {
    faults?: Extract<FromWorker, { kind: 'faults' }>['faults']
  }
  if (name === 'ConfigError' && faults !== undefined) return { kind: 'faults', faults }
  const code = (error as NodeJS.ErrnoException).code
  // a known system error says it all; anything else is a bug, and its place is wanted
  return { kind: 'failed', message: code === undefined ? (stack ?? String(error)) : (doorTrouble(error) ?? message) }
}

/** Why a port could not be opened, and what to do. */
export function doorTrouble(error: unknown): string | undefined {
  const { code, syscall, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  if ((syscall !== 'bind' && syscall !== 'listen') || address === undefined) return undefined
  const door = port === undefined || port < 0 ? address : `${address.includes(':') ? `[${address}]` : address}:${port}`
  if (code === 'EADDRINUSE') return `${door} is taken by another program; to see which: ss -ltnp`
  if (code === 'EADDRNOTAVAIL') return `${door} is no address of this machine`
  if (code === 'EACCES')
    return `${door} may not be opened: ports below 1024 want a start as root; workers go on as \`user\` of server.yaml`
  return undefined
}

function giveUp(trouble: FromWorker): undefined {
  tell(trouble, () => process.exit(1))
  // the channel may be gone with the supervisor
  setTimeout(() => process.exit(1), 1000).unref()
  return undefined
}

function tell(message: FromWorker, then: () => void = () => undefined): void {
  if (!process.connected) {
    then()
    return
  }
  // an error here means that the supervisor is gone: 'disconnect' follows
  process.send?.(message, undefined, undefined, () => then())
}

/** Anything nobody caught: rejections are logged and the server lives; after an exception nothing can be relied on any more. */
function mindBugs(log: Log): void {
  process.on('unhandledRejection', reason => log.error({ err: reason }, 'a promise was rejected and nobody minded'))
  process.on('uncaughtException', error => {
    log.error({ err: error }, 'an exception was not caught, the worker ends')
    process.exit(1)
  })
}

async function drain(running: Promise<Running | undefined> | undefined): Promise<void> {
  const it = await running
  if (it === undefined) process.exit(0)
  const { app, config, log, bus } = it
  let code = 0
  try {
    app.stop()
    const all = await Promise.race([app.drained().then(() => true), sleep(config.drainMs, false)])
    if (!all) log.log.warn({ waitedMs: config.drainMs }, 'draining took too long, open sessions are cut')
    await Promise.race([app.close(), sleep(CLOSE_MS)])
    await bus.close()
  } catch (error) {
    log.log.error({ err: error }, 'the worker could not end in order')
    code = 1
  }
  await sleep(SETTLE_MS)
  process.exit(code)
}
