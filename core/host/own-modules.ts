/**
 * Loads the modules of this program in a worker. Node's own loader takes about 1 ms of CPU for each of some 800: addresses, promises and looks at the disk.
 * Ours are known to be plain ES modules in one folder, so each is read and compiled at once. What runs is what stands in the files, under the same addresses;
 * libraries and plugins of others are loaded by Node. Wants `OWN_MODULES_FLAGS`; without them Node loads everything.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'

/** For the process that is to load so. What is experimental is noted once in the decision, not at every start. */
export const OWN_MODULES_FLAGS = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'] as const

/** The package's doors, for our own plugins. */
const DOORS = ['api', 'text']

export type Load = <T>(path: string) => Promise<T>

/** `root`: address of the folder with `core` and `plugins`, as Node has it; paths are seen from there. */
export function loaderOf(root: string): Load {
  if (typeof vm.SourceTextModule !== 'function') return async path => import(new URL(path, root).href)
  const modules = new OwnModules(root)
  return async <T>(path: string) => (await modules.load(new URL(path, root).href)) as T
}

class OwnModules {
  readonly #root: string
  readonly #doors: ReadonlyMap<string, string>
  /** By address. */
  readonly #ours = new Map<string, vm.Module>()
  /** By name; what is not ours is the same whoever asks, as there is one folder of libraries. */
  readonly #others = new Map<string, Promise<vm.Module>>()
  #linking: Promise<unknown> = Promise.resolve()

  constructor(root: string) {
    this.#root = root
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
    const module = new vm.SourceTextModule(readFileSync(fileURLToPath(address), 'utf8'), {
      identifier: address,
      initializeImportMeta(meta) {
        meta.url = address
      },
      importModuleDynamically: async name => {
        const inner = this.#addressOf(name, address)
        return (inner === undefined ? await import(name) : await this.load(inner)) as vm.Module
      },
    })
    this.#ours.set(address, module)
    return module
  }

  #other(name: string): Promise<vm.Module> {
    const there = this.#others.get(name) ?? wrapped(name)
    this.#others.set(name, there)
    return there
  }
}

async function wrapped(name: string): Promise<vm.Module> {
  const namespace = (await import(name)) as Readonly<Record<string, unknown>>
  const names = Object.keys(namespace)
  const module = new vm.SyntheticModule(
    names,
    () => {
      for (const one of names) module.setExport(one, namespace[one])
    },
    { identifier: name },
  )
  return module
}
