/**
 * Haraka on loopback: fetched by npm into a folder of the bench when that is asked for, never a dependency, or taken from a folder where it is installed. It accepts
 * into its queue (files that it flushes before its 250) and sends on to one host. What is set stands in `configure`, so that its friends can say whether it is fair.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { answers } from '../../test/harness/ports.js'
import { FlushCounter } from '../lib/flush.js'

/** The version that figures in the README are of. */
export const HARAKA = 'haraka@3.3.4'
const FETCH_MS = 300_000
const START_MS = 60_000
const END_MS = 10_000

export interface HarakaOptions {
  /** Told how it ends as soon as there is something to end: it may be interrupted while it starts. */
  readonly spawned: (stop: () => Promise<void>) => void
  readonly folder: string
  /** Of the package, as `installed` has found it. */
  readonly package: string
  readonly port: number
  readonly nextHost: number
  readonly workers: number
  readonly flushLibrary?: string | undefined
}

export interface Haraka {
  readonly group: number
  readonly flushes: FlushCounter | undefined
}

export const ABOUT_HARAKA =
  'Haraka: its shipped configuration and log, a process for each of our workers, no plugin but one of ours that lets loopback relay and names the next host; 250 after the file in its queue is flushed (the folder is not); up to 100 deliveries at once'

/** `fetch` installs it into the folder; anything else is a folder with it. */
export async function installed(wish: string, folder: string): Promise<string> {
  if (wish !== 'fetch') {
    const places = [resolve(wish, 'node_modules/haraka'), resolve(wish)]
    const found = places.find(one => existsSync(join(one, 'bin/haraka')))
    if (found === undefined) throw new Error(`--haraka: no Haraka in ${wish} (npm install --prefix ${wish} ${HARAKA})`)
    return found
  }
  const place = join(folder, 'haraka-package')
  mkdirSync(place)
  const args = ['install', '--prefix', place, '--save-exact', '--no-audit', '--no-fund', '--ignore-scripts', HARAKA]
  await promisify(execFile)('npm', args, { timeout: FETCH_MS })
  return join(place, 'node_modules/haraka')
}

export async function startHaraka(options: HarakaOptions): Promise<Haraka> {
  const { folder, port, flushLibrary } = options
  configure(options)
  const flushes = flushLibrary === undefined ? undefined : new FlushCounter(flushLibrary, join(folder, 'flushes'))
  const log = openSync(join(folder, 'log'), 'a')
  const child = spawn(process.execPath, [join(options.package, 'bin/haraka'), '-c', folder], {
    stdio: ['ignore', log, log],
    detached: true,
    env: { ...process.env, ...flushes?.env },
  })
  closeSync(log)
  options.spawned(() => stop(child))
  for (const until = Date.now() + START_MS; !(await answers(port)); await sleep(100))
    if (child.exitCode !== null || Date.now() > until)
      throw new Error(`Haraka does not answer:\n${readFileSync(join(folder, 'log'), 'utf8').slice(-2000)}`)
  return { group: child.pid!, flushes }
}

function configure({ folder, package: from, port, nextHost, workers }: HarakaOptions): void {
  const config = join(folder, 'config')
  for (const name of ['config', 'plugins', 'queue']) mkdirSync(join(folder, name), { recursive: true })
  for (const name of ['connection.ini', 'log.ini']) copyFileSync(join(from, 'config', name), join(config, name))
  writeFileSync(join(config, 'me'), 'haraka.bench.test\n')
  writeFileSync(join(config, 'smtp.ini'), `listen=127.0.0.1:${port}\nnodes=${workers}\n`)
  writeFileSync(join(config, 'outbound.ini'), 'enable_tls=false\n')
  writeFileSync(join(config, 'plugins'), 'bench_route\n')
  const hooks = [
    'exports.hook_connect = (next, connection) => { connection.relaying = true; next() }',
    'exports.hook_rcpt = next => next(OK)',
    `exports.hook_get_mx = next => next(OK, [{ priority: 0, exchange: '127.0.0.1', port: ${nextHost} }])`,
  ]
  writeFileSync(join(folder, 'plugins/bench_route.js'), `${hooks.join('\n')}\n`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(done => child.once('exit', done))
  child.kill('SIGTERM')
  const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), END_MS)
  await ended
  clearTimeout(timer)
}
