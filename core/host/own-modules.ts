/**
 * Loads the modules of this program in a worker. Node's own loader takes about 1 ms of CPU for each of some 800: addresses, promises and looks at the disk.
 * Ours are known to be plain ES modules in one folder, so each is read and compiled at once. What runs is what stands in the files, under the same addresses;
 * libraries and plugins of others are loaded by Node. Wants `OWN_MODULES_FLAGS`; without them Node loads everything.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { types } from 'node:util'
import vm from 'node:vm'
import { type Compiled, type KeptModules, stampOf } from './kept-modules.js'

/** For the process that is to load so. What is experimental is noted once in the decision, not at every start. */
export const OWN_MODULES_FLAGS = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'] as const

/** The package's doors, for our own plugins. */
const DOORS = ['api', 'text']

export type Load = <T>(path: string) => Promise<T>

/** `root`: address of the folder with `core` and `plugins`, as Node has it; paths are seen from there. `kept`: what earlier starts have compiled. */
export function loaderOf(root: string, kept?: KeptModules): Load {
  if (typeof vm.SourceTextModule !== 'function') return async path => import(new URL(path, root).href)
  const modules = new OwnModules(root, kept)
  return async <T>(path: string) => (await modules.load(new URL(path, root).href)) as T
}

class OwnModules {
  readonly #root: string
  readonly #kept: KeptModules | undefined
  readonly #require: NodeJS.Require
  readonly #doors: ReadonlyMap<string, string>
  /** By address. */
  readonly #ours = new Map<string, vm.Module>()
  /** By name; what is not ours is the same whoever asks, as there is one folder of libraries. */
  readonly #others = new Map<string, Promise<vm.Module>>()
  #linking: Promise<unknown> = Promise.resolve()

  constructor(root: string, kept: KeptModules | undefined) {
    this.#root = root
    this.#kept = kept
    this.#require = createRequire(root)
    this.#doors = new Map(DOORS.map(door => [`posthouse/${door}`, new URL(`core/${door}/index.js`, root).href]))
  }

  /** As `import()` of this address. */
  async load(address: string): Promise<object> {
    const module = this.#own(address)
    // One after the other: a module that another is linking would be taken for linked.
    const linked = this.#linking.then(() => this.#link(module))
    this.#linking = linked.catch(() => undefined)
    await linked
    await module.evaluate()
    return module.namespace
  }

  async #link(module: vm.Module): Promise<void> {
    if (module.status === 'unlinked')
      await module.link((name, importer) => {
        const address = this.#addressOf(name, importer.identifier)
        return address === undefined ? this.#other(name) : this.#own(address)
      })
  }

  /** Nothing for what is not ours. */
  #addressOf(name: string, importer: string): string | undefined {
    const address =
      name.startsWith('.') || name.startsWith('file:') ? new URL(name, importer).href : this.#doors.get(name)
    return address?.startsWith(this.#root) ? address : undefined
  }

  #own(address: string): vm.Module {
    const there = this.#ours.get(address)
    if (there !== undefined) return there
    const module = this.#known(address) ?? this.#read(address)
    this.#ours.set(address, module)
    return module
  }

  #known(address: string): vm.Module | undefined {
    const kept = this.#kept?.find(fileURLToPath(address))
    try {
      return kept === undefined ? undefined : this.#compile(address, kept.text, kept.code)
    } catch {
      // V8 takes nothing that was made with other flags
      return undefined
    }
  }

  #read(address: string): vm.Module {
    const path = fileURLToPath(address)
    const stamp = this.#kept && stampOf(path)
    const text = readFileSync(path, 'utf8')
    const module = this.#compile(address, text)
    // The types of Node 20 do not know what it can.
    this.#kept?.add(path, stamp, text, module as vm.Module & Compiled)
    return module
  }

  #compile(address: string, text: string, cachedData?: Buffer): vm.SourceTextModule {
    return new vm.SourceTextModule(text, {
      identifier: address,
      ...(cachedData !== undefined && { cachedData }),
      initializeImportMeta(meta) {
        meta.url = address
      },
      importModuleDynamically: async name => {
        const inner = this.#addressOf(name, address)
        return (inner === undefined ? await import(name) : await this.load(inner)) as vm.Module
      },
    })
  }

  #other(name: string): Promise<vm.Module> {
    const there = this.#others.get(name) ?? wrapped(name, this.#require)
    this.#others.set(name, there)
    return there
  }
}

async function wrapped(name: string, require: NodeJS.Require): Promise<vm.Module> {
  const exported = name.startsWith('node:') ? await import(name) : await libraryNamed(name, require)
  const names = Object.keys(exported)
  const module = new vm.SyntheticModule(
    names,
    () => {
      for (const one of names) module.setExport(one, exported[one])
    },
    { identifier: name },
  )
  return module
}

/** Of ES modules alone, with an `await` outside of functions, or being imported by somebody else (an assertion up to Node 22). */
const IMPORT_ALONE =
  /^ERR_(REQUIRE_ESM|REQUIRE_ASYNC_MODULE|PACKAGE_PATH_NOT_EXPORTED|REQUIRE_ESM_RACE_CONDITION|INTERNAL_ASSERTION)$/

/**
 * As `import` has it, by `require` where that can be: a library of many ES modules mostly has a CommonJS build that is one file, and for `import` Node reads
 * CommonJS once more to find the names. Half the CPU.
 */
async function libraryNamed(name: string, require: NodeJS.Require): Promise<Readonly<Record<string, unknown>>> {
  try {
    const exported = require(name) as Readonly<Record<string, unknown>>
    return types.isModuleNamespaceObject(exported) ? exported : { ...exported, default: exported }
  } catch (error) {
    if (!IMPORT_ALONE.test((error as NodeJS.ErrnoException).code ?? '')) throw error
    return (await import(name)) as Readonly<Record<string, unknown>>
  }
}
