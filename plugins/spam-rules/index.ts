/**
 * Scores mail by hand-written rules in YAML: words and phrases, header fields, origin, letter patterns. Contributes the hook
 * `score`, which only gives points and says why, and the commands `posthouse rules …`. Rules are read once, when all plugins are set up.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Asked, ConfigError, definePlugin, type Files, type Message, type SiteBrands } from 'posthouse/api'
import { Beside } from 'posthouse/text'
import { ruleCommands } from './commands.js'
import { RuleSet } from './evaluate.js'
import { Facts } from './facts.js'
import { Guard } from './guard.js'
import { type BrandTable, brandsOf } from './origin/brands.js'
import { packageFolder } from './package-folder.js'
import { readRules } from './read.js'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    rules: {
      type: 'string',
      minLength: 1,
      description: 'folder with rule files; default: those that come with Posthouse',
    },
    local: {
      type: 'string',
      minLength: 1,
      default: 'local.yaml',
      description: 'your own rules, seen from the config directory; may be missing',
    },
  },
} as const

/** From when the doors are open: who comes first is greeted before tables are made, and who sends mail at once waits for them. */
const PREPARE_MS = 300

const NO_OTHERS: SiteBrands = { added: [], without: [] }

export default definePlugin({
  name: 'spam-rules',
  summary: 'scores mail by rules in YAML files',
  config: CONFIG,
  setup({ config, clock, files, log, messageOf, server, services }) {
    let brands: BrandTable | undefined
    // What a site has added to the list of brands stands with the plugin that judges names by it.
    const brandsHere = () => (brands ??= brandsOf(services.find('look-alikes')?.brands ?? NO_OTHERS))
    const known = new Known(brandsHere)
    const folder = config.rules === undefined ? shippedRules() : files.resolve(config.rules)
    let loading: Promise<void> | undefined
    let loaded: RuleSet | undefined
    const load = async () => {
      loaded = await loadRules(files, folder, config.local, server.listeners)
    }
    const rules = async () => {
      loading ??= load()
      await loading
      return loaded!
    }
    let soon: NodeJS.Timeout | undefined
    return {
      hooks: {
        score: async asked => (await rules()).score(await known.of(asked, clock.now())),
        weigh: async asked => (await rules()).weigh(await known.of(asked, clock.now()), asked.verdict.findings),
      },
      commands: ruleCommands(rules, messageOf, brandsHere),
      // Reading them all takes half a second: the doors of a first start need not wait for it, nor do commands. Mail does.
      loadRest: async () => log.debug({ rules: (await rules()).rules.length }, 'rules read'),
      started() {
        soon = setTimeout(() => {
          loaded?.prepare()
          brandsHere()
        }, PREPARE_MS).unref()
      },
      dispose: () => {
        clearTimeout(soon)
        return loaded?.dispose()
      },
    }
  },
})

/** What is known of a message, between the moments it is asked about at. */
class Known {
  readonly #facts = new Beside<Message, Promise<Facts>>()
  readonly #brands: () => BrandTable

  constructor(brands: () => BrandTable) {
    this.#brands = brands
  }

  of(asked: Asked['score'], now: number): Promise<Facts> {
    const there = this.#facts.get(asked.message)
    if (there !== undefined) return there
    const facts = Facts.of(asked, now, this.#brands())
    this.#facts.set(asked.message, facts)
    return facts
  }
}

/** Throws `ConfigError` with every fault of every file. */
export async function loadRules(
  files: Files,
  folder: string,
  local: string,
  listeners?: readonly string[],
  guard = new Guard(),
): Promise<RuleSet> {
  const shipped = await ruleFilesIn(folder)
  if (shipped === undefined) {
    throw new ConfigError([{ file: folder, line: 1, column: 1, message: 'there is no such folder of rules' }])
  }
  const { rules, groups, faults } = await readRules(files, shipped, [files.resolve(local)], guard, listeners)
  if (faults.length > 0) throw new ConfigError(faults)
  return new RuleSet({ rules, groups, guard })
}

/** Folders beside rule files whose files are no rules. */
const NO_RULES = new Set(['replies', 'lists', 'look-alikes', 'models'])

/** Rule files of a folder and those within, in order of their paths. */
async function ruleFilesIn(folder: string, top = true): Promise<readonly string[] | undefined> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined)
  if (entries === undefined) return undefined
  const paths: string[] = []
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (!(top && NO_RULES.has(entry.name))) paths.push(...((await ruleFilesIn(path, false)) ?? []))
    } else if (entry.name.endsWith('.yaml')) paths.push(path)
  }
  return paths
}

/** The folder `rules` of this package. */
export function shippedRules(): string {
  return join(packageFolder(), 'rules')
}
