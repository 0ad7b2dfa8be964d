/** The command line with all commands of core: what they stand on is gathered here, and the application among it. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { StartApp } from './host/app-types.js'
import { runCli } from './host/cli.js'
import type { CliParts, OwnCommand } from './host/command-base.js'
import type { Spare } from './host/spare.js'

const MAX_STDIN = 64 * 1024 * 1024

/** Resolves to the exit code. `spare`: a worker for `serve` that is there already. */
export async function commandLine(startApp: StartApp, spare?: Spare): Promise<number> {
  const root = new URL('../../', import.meta.url)
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }
  const book = spare === undefined ? (await import('./queue/traffic/book.js')).laneBook : undefined
  const parts: CliParts = {
    version,
    script: fileURLToPath(new URL('main.js', import.meta.url)),
    templates: fileURLToPath(new URL('core/host/templates/', root)),
    startApp,
    assemble: async base => (await import('./app.js')).assemble(base),
    print: line => void process.stdout.write(`${line}\n`),
    warn: line => void process.stderr.write(`${line}\n`),
    stdin: readStdin,
    ...(book !== undefined && { book }),
    ...(spare !== undefined && { spare }),
  }
  return await runCli(process.argv.slice(2), parts, () => queueKnowing(parts))
}

/** Commands that know the queue, which the host does not. */
async function queueKnowing(parts: CliParts): Promise<readonly OwnCommand[]> {
  const [{ deliveryCommands }, { explainScheduleCommand }, { forecasts }] = await Promise.all([
    import('./host/commands/delivery/index.js'),
    import('./host/commands/schedule.js'),
    import('./queue/forecast.js'),
  ])
  return [
    explainScheduleCommand(parts, forecasts),
    ...(parts.book === undefined ? [] : deliveryCommands(parts, parts.book)),
  ]
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
