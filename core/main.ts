#!/usr/bin/env node
/**
 * The program `posthouse`: a worker when the supervisor started it, the command line otherwise. Here, on the highest floor, the
 * application is handed to the host, which never imports it. What is not wanted is not loaded: a worker is ready and `--help` there the sooner.
 */
import cluster from 'node:cluster'
import type { StartApp } from './host/app-types.js'

/** lmdb may still be writing when its promises have resolved; ending at once was seen to crash in its write worker. */
const SETTLE_MS = 50

const loadApp = () => import('./app.js')
const startApp: StartApp = async base => (await loadApp()).startApp(base)

if (cluster.isWorker) {
  const { runWorker } = await import('./host/worker.js')
  runWorker(startApp, loadApp)
} else {
  const { commandLine } = await import('./command-line.js')
  // `posthouse queue ls | head` closes the pipe early
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  const code = await commandLine(startApp)
  setTimeout(() => process.stdout.write('', () => process.exit(code)), SETTLE_MS)
}
