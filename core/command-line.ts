/** The command line with all commands of core: what they stand on is gathered here, and the application among it. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { StartApp } from './host/app-types.js'
import { runCli } from './host/cli.js'
import type { CliParts } from './host/command-base.js'
import { deliveryCommands } from './host/commands/delivery/index.js'
import { explainScheduleCommand } from './host/commands/schedule.js'
import { forecasts } from './queue/forecast.js'
import { laneBook } from './queue/traffic/book.js'

const MAX_STDIN = 64 * 1024 * 1024

/** Resolves to the exit code. */
export async function commandLine(startApp: StartApp): Promise<number> {
  const root = new URL('../../', import.meta.url)
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }
  const parts: CliParts = {
    version,
    script: fileURLToPath(new URL('main.js', import.meta.url)),
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
    if (size > MAX_STDIN) throw new Error('more than 64 MiB on standard input')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
