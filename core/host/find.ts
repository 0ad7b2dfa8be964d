/**
 * Finds the plugins that plugins.yaml names and checks what stands under `with`. Nothing is set up yet, so all faults of all entries
 * can be told together, also when server.yaml is wrong.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { Module, register } from 'node:module'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Fault, Plugin, ServiceTable } from '../api/index.js'
import * as api from '../api/index.js'
import { inOrder } from '../config/files.js'
import type { PluginEntry } from '../config/types.js'
import * as text from '../text/index.js'
import { JOINED } from './order.js'

export interface FoundPlugin {
  readonly entry: PluginEntry
  readonly plugin: Plugin
  /** What stands under `with`, checked and with defaults. */
  readonly config: unknown
}

export interface Finding {
  readonly found: readonly FoundPlugin[]
  readonly faults: readonly Fault[]
  /** Whether an entry with a fault may supply this: who needs it is not to be told that nobody does. */
  readonly mightSupply: (service: string) => boolean
}

/** What is wrong with an entry; `of` where its plugin could be loaded. */
interface Unfit {
  readonly faults: readonly Fault[]
  readonly of?: Plugin
}

const BUNDLED = fileURLToPath(new URL('../../plugins/', import.meta.url))

export async function findPlugins(entries: readonly PluginEntry[], configDir: string): Promise<Finding> {
  const found: FoundPlugin[] = []
  const unfit: Unfit[] = []
  // All at once: while one is read, another is compiled.
  for (const one of await Promise.all(entries.map(entry => findOne(entry, configDir)))) {
    if ('plugin' in one) found.push(one)
    else unfit.push(one)
  }
  const mightSupply = (service: string) =>
    unfit.some(({ of }) => of === undefined || of.supplies?.some(one => one === service) === true)
  return { found, faults: inOrder(unfit.flatMap(({ faults }) => faults)), mightSupply }
}

/** Loads the bundled ones of what a plugins.yaml seems to name: a hint, taken before anybody has checked it, and from no other folder. */
export async function loadBundled(text: string): Promise<void> {
  const names = new Set([...text.matchAll(/^- *use: *["']?([a-z0-9-]+)/gm)].map(([, name]) => name!))
  await Promise.allSettled([...names].map(name => import(pathToFileURL(join(BUNDLED, name, 'index.js')).href)))
}

/**
 * The entries that supply these services, for a command that needs no more: setting all plugins up is most of what a command costs. Every
 * entry when one is not found, so that its faults are told as ever. Labels are nobody's here.
 */
export async function suppliersOf(
  services: readonly (keyof ServiceTable)[],
  entries: readonly PluginEntry[],
  configDir: string,
): Promise<readonly PluginEntry[]> {
  const chosen: PluginEntry[] = []
  const missing = new Set<string>(services)
  const joined = services.filter(service => JOINED.has(service))
  for (const entry of entries) {
    if (missing.size === 0 && joined.length === 0) break
    const one = await findOne(entry, configDir)
    if (!('plugin' in one)) return entries
    const { supplies = [] } = one.plugin
    const first = supplies.filter(service => missing.delete(service))
    if (first.length > 0 || supplies.some(service => joined.includes(service)))
      chosen.push({ ...entry, unless: [], on: [] })
  }
  return missing.size === 0 ? chosen : entries
}

async function findOne(entry: PluginEntry, dir: string): Promise<FoundPlugin | Unfit> {
  const wrong = (message: string) => ({ faults: [entry.fault(['use'], message)] })
  const path = locate(entry.use, dir)
  if (path === undefined) return wrong(notThere(entry.use))
  try {
    const { default: plugin } = (await import(pathToFileURL(path).href)) as { default?: unknown }
    if (!isPlugin(plugin))
      return wrong(
        `${entry.use} has no plugin as its default export; it wants: export default definePlugin({ name, summary, config, setup })`,
      )
    const { value, faults } = entry.check(plugin.config)
    return faults.length > 0 ? { faults, of: plugin } : { entry, plugin, config: value }
  } catch (error) {
    return wrong(
      `${entry.use} cannot be loaded: ${text.printable(String((error as Error).message), 500)}${placeOf(error) || checkHint(error, path)}`,
    )
  }
}

const INSTALLED = new URL('../../', import.meta.url).href

/** Node keeps the line of such an error to itself. */
function checkHint(error: unknown, path: string): string {
  return error instanceof SyntaxError ? `; to see where: node --check ${path}` : ''
}

/** ` (/srv/mail/grey.js:12)`: the first place in a file that is not ours, or nothing. */
export function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  for (const [, url, line] of stack.matchAll(/(file:\/\/\/[^\s)]{1,1000}?):(\d{1,9})(?=[:)\s]|$)/g))
    if (!url!.startsWith(INSTALLED)) return ` (${text.printable(fileURLToPath(url!), 500)}:${line})`
  return ''
}

function isPlugin(value: unknown): value is Plugin {
  if (typeof value !== 'object' || value === null) return false
  const { name, config, setup } = value as Record<string, unknown>
  return typeof name === 'string' && typeof config === 'object' && config !== null && typeof setup === 'function'
}

function notThere(use: string): string {
  if (isPath(use)) return `there is no file ${use}`
  const bundled = existsSync(BUNDLED) ? readdirSync(BUNDLED) : []
  const meant = text.closest(use, bundled)
  return `there is no plugin "${use}"${meant === undefined ? '' : `, did you mean "${meant}"?`}`
}

function isPath(use: string): boolean {
  return use.startsWith('./') || use.startsWith('../') || isAbsolute(use)
}

function locate(use: string, dir: string): string | undefined {
  if (isPath(use)) return foreign(existing(resolve(dir, use)))
  const bundled = /^[a-z0-9-]+$/.test(use) ? existing(join(BUNDLED, use, 'index.js')) : undefined
  return bundled ?? foreign(inPackages(use, dir) ?? inPackages(use, dirname(BUNDLED)))
}

function existing(path: string): string | undefined {
  return existsSync(path) ? path : undefined
}

/** An npm package from the config directory upwards. (`createRequire` would miss packages that are for `import` alone.) */
function inPackages(name: string, from: string): string | undefined {
  if (!/^(@[a-z0-9._-]+\/)?[a-z0-9._-]+$/i.test(name) || name.startsWith('.')) return undefined
  for (let at = resolve(from), last = ''; at !== last; last = at, at = dirname(at)) {
    const home = join(at, 'node_modules', name)
    if (existsSync(join(home, 'package.json'))) return existing(join(home, entryOf(join(home, 'package.json'))))
  }
  return undefined
}

function entryOf(manifest: string): string {
  const { exports, main } = JSON.parse(readFileSync(manifest, 'utf8')) as { exports?: unknown; main?: string }
  return target(exports) ?? main ?? 'index.js'
}

function target(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports
  if (typeof exports !== 'object' || exports === null) return undefined
  const conditions = exports as Record<string, unknown>
  return target(conditions['.'] ?? conditions.import ?? conditions.node ?? conditions.default)
}

let doorsOpen = false

/**
 * A plugin outside this package gets `posthouse/api` and `posthouse/text` of the server that runs, wherever its file lies:
 * with another copy its errors would be of another class.
 */
function foreign(path: string | undefined): string | undefined {
  if (path === undefined || doorsOpen) return path
  const doors = { 'posthouse/api': api, 'posthouse/text': text }
  // Not by the file: Node would load it once more where our own modules are not loaded by it.
  const addresses = Object.fromEntries(Object.entries(doors).map(([name, door]) => [name, doorway(name, door)]))
  const hook = `const doors = ${JSON.stringify(addresses)}
export const resolve = (name, context, next) =>
  Object.hasOwn(doors, name) ? { url: doors[name], shortCircuit: true } : next(name, context)`
  register(`data:text/javascript,${encodeURIComponent(hook)}`)
  openToRequire(doors)
  doorsOpen = true
  return path
}

/** What `register` is told does not hold for `require`, and what is called here has been there in every Node.js; without it CommonJS finds what is installed. */
function openToRequire(doors: Readonly<Record<string, object>>): void {
  const loader = Module as { _load?: (name: string, ...rest: unknown[]) => unknown }
  const load = loader._load
  if (load === undefined) return
  loader._load = (name, ...rest) => (Object.hasOwn(doors, name) ? doors[name] : load.call(loader, name, ...rest))
}

/** Address of a module that exports what the door does. */
function doorway(place: string, door: Readonly<Record<string, unknown>>): string {
  Object.defineProperty(globalThis, Symbol.for(place), { value: door, configurable: true })
  const text = `export const { ${Object.keys(door).join(', ')} } = globalThis[Symbol.for('${place}')]`
  return `data:text/javascript,${encodeURIComponent(text)}`
}
