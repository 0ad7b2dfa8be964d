#!/usr/bin/env node
/**
 * The program `posthouse`: a worker when the supervisor started it, the command line otherwise. Here, on the highest floor, the
 * application is handed to the host, which never imports it. It is loaded only where it runs: `--help` is quick and the supervisor small.
 */
import cluster from 'node:cluster'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { StartApp } from './host/app-types.js'
import { runCli } from './host/cli.js'
import type { CliParts } from './host/command-base.js'
import { deliveryCommands } from './host/commands/delivery/index.js'
import { explainScheduleCommand } from './host/commands/schedule.js'
import { runWorker } from './host/worker.js'
import { forecasts } from './queue/forecast.js'
import { laneBook } from './queue/traffic/book.js'

const MAX_STDIN = 1024 * 1024
/** lmdb may still be writing when its promises have resolved; ending at once was seen to crash in its write worker. */
const SETTLE_MS = 50

const startApp: StartApp = async base => (await import('./app.js')).startApp(base)

async function main(): Promise<number> {
  const root = new URL('../../', import.meta.url)
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }
  const parts: CliParts = {
    version,
    script: fileURLToPath(import.meta.url),
    templates: fileURLToPath(new URL('core/host/templates/', root)),
    startApp,
    assemble: async base => (await import('./app.js')).assemble(base),
    print: line => void process.stdout.write(`${line}\n`),
    warn: line => void process.stderr.write(`${line}\n`),
    stdin: readStdin,
    book: laneBook,
  }
  return await runCli(process.argv.slice(2), parts, [
    explainScheduleCommand(parts, forecasts),
    ...deliveryCommands(parts, laneBook),
  ])
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_STDIN) throw new Error('more than 1 MiB on standard input')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

if (cluster.isWorker) {
  runWorker(startApp)
} else {
  // `posthouse queue ls | head` closes the pipe early
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  const code = await main()
  setTimeout(() => process.stdout.write('', () => process.exit(code)), SETTLE_MS)
}
