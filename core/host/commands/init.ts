/** `posthouse init`: a complete, commented configuration in a new directory, ready to be started. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { CommandError } from '../../api/index.js'
import { makeDir } from '../../config/files.js'
import { normaliseDomain } from '../../text/index.js'
import type { CliParts, OwnCommand, OwnRun } from '../command-base.js'
import { fillTemplate, MAX_BASE_PORT, SHIPPED, type TemplateWish } from '../templates.js'

export function initCommand({ templates }: CliParts): OwnCommand {
  return {
    name: 'init',
    summary: 'write a complete, commented configuration into a new directory',
    usage: 'DIR --domain DOMAIN',
    arity: [1, 1],
    options: {
      domain: { type: 'string', value: 'DOMAIN', description: 'the domain whose mailboxes are here' },
      'base-port': {
        type: 'string',
        value: 'N',
        description: 'listen on loopback ports N+25, N+587, N+465, N+24, N+110, N+995, N+143, N+993; default 10000',
      },
    },
    run: async run => {
      const dir = resolve(run.args[0]!)
      const wish = wishOf(run)
      const written = await write(dir, templates, wish)
      if (run.json) run.print(JSON.stringify({ dir, files: written, ...wish }))
      else for (const line of nextSteps(dir, written, wish)) run.print(line)
      return 0
    },
  }
}

function wishOf({ options }: OwnRun): TemplateWish {
  if (typeof options.domain !== 'string') throw new CommandError('init needs --domain DOMAIN', 2)
  const domain = normaliseDomain(options.domain)
  if (domain === undefined) throw new CommandError(`not a domain: ${options.domain}`, 2)
  const base = String(options['base-port'] ?? SHIPPED.basePort)
  const basePort = /^\d{1,5}$/.test(base) ? Number(base) : Number.NaN
  if (!(basePort <= MAX_BASE_PORT)) {
    throw new CommandError(`expected a base port from 0 to ${MAX_BASE_PORT}, got ${base}`, 2)
  }
  return { domain, basePort, data: './data', demo: false }
}

async function write(dir: string, templates: string, wish: TemplateWish): Promise<readonly string[]> {
  await makeDir(dir, 0o750)
  const there = await readdir(dir)
  if (there.length > 0)
    throw new CommandError(`${dir} is not empty (${there.slice(0, 3).join(', ')}); nothing was written`)
  const names = (await readdir(templates)).filter(name => name.endsWith('.yaml')).sort()
  for (const name of names) {
    const text = fillTemplate(await readFile(join(templates, name), 'utf8'), wish)
    await writeFile(join(dir, name), text, { flag: 'wx', mode: 0o640 })
  }
  return names
}

function nextSteps(dir: string, files: readonly string[], { domain }: TemplateWish): readonly string[] {
  return [
    `wrote ${files.join(', ')} to ${dir}`,
    'next:',
    `  posthouse check --config ${dir}`,
    `  posthouse user add alice@${domain} --config ${dir}`,
    `  posthouse serve --config ${dir}`,
  ]
}
