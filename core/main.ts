#!/usr/bin/env node
/**
 * The program `posthouse`: a worker when the supervisor started it, the command line otherwise. Here, on the highest floor, the
 * application is handed to the host, which never imports it. What is not wanted is not loaded: a worker is ready and `--help` there the sooner.
 * For the same reason the first worker is started before the supervisor has loaded itself.
 */
import cluster from 'node:cluster'
import { fileURLToPath } from 'node:url'
import type { StartApp } from './host/app-types.js'
import { codeFolder, keepCode } from './host/kept-code.js'
import { KeptModules } from './host/kept-modules.js'
import { isServe, readLine } from './host/line.js'
import { loaderOf } from './host/own-modules.js'
import type { Spare } from './host/spare.js'

/** lmdb may still be writing when its promises have resolved; ending at once was seen to crash in its write worker. */
const SETTLE_MS = 50

if (cluster.isWorker) {
  const [, , , configDir] = process.argv
  const folder = configDir === undefined ? undefined : codeFolder(configDir)
  keepCode(folder)
  const kept = folder === undefined ? undefined : new KeptModules(folder)
  // All of it by one loader: what Node loads here would be there twice.
  const load = loaderOf(new URL('../', import.meta.url).href, kept)
  const { runWorker } = await load<typeof import('./host/worker.js')>('core/host/worker.js')
  const loadApp = () => load<typeof import('./app.js')>('core/app.js')
  runWorker(async base => (await loadApp()).startApp(base), { load: loadApp, ...(kept !== undefined && { kept }) })
} else {
  const startApp: StartApp = async base => (await import('./app.js')).startApp(base)
  const spare = await spareForServe()
  const { commandLine } = await import('./command-line.js')
  // `posthouse queue ls | head` closes the pipe early
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  const code = await commandLine(startApp, spare)
  spare?.end()
  setTimeout(() => process.stdout.write('', () => process.exit(code)), SETTLE_MS)
}

async function spareForServe(): Promise<Spare | undefined> {
  const line = readLine(process.argv.slice(2))
  if (!isServe(line)) return undefined
  keepCode(codeFolder(line.configDir))
  const { Spare } = await import('./host/spare.js')
  return new Spare(fileURLToPath(import.meta.url), line.configDir)
}
