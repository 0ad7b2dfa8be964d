/**
 * A whole Posthouse in a folder of its own, made by `posthouse init` and driven only from outside: its command line, its ports, its log.
 * It is made within this process, and commands run there too, as starting Node for every step is most of what a test would cost; `program`
 * starts the program itself.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseDocument, type YAMLMap, type YAMLSeq } from 'yaml'
import { addUsers } from './accounts.js'
import { sayHere } from './command-line.js'
import { answers, freeBase, OFFSETS } from './ports.js'

/** The project's folder; compiled files live in dist/test/harness. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..')
const MAIN = join(ROOT, 'dist/core/main.js')

export type Ports = Record<keyof typeof OFFSETS, number>

export interface CliResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface InstanceOptions {
  readonly domain?: string
  /** Top-level keys of server.yaml, set after `init`. */
  readonly server?: Readonly<Record<string, unknown>>
  /** What to add to `with:` of entries of plugins.yaml, by plugin. */
  readonly plugins?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Entries put in front of plugins.yaml. */
  readonly first?: readonly Readonly<Record<string, unknown>>[]
  /** More files of the config folder. */
  readonly files?: Readonly<Record<string, string>>
  readonly users?: readonly (readonly [login: string, password: string])[]
  /** Of the entries of plugins.yaml, only these. */
  readonly only?: readonly string[]
  /** All but these. */
  readonly without?: readonly string[]
  readonly run?: RunOptions
}

/**
 * What reads the words of a mail: a third of what a start costs. A test that is about something else leaves it out; clients, policies, replay and
 * others run everything as shipped.
 */
export const CONTENT = ['look-alikes', 'spam-rules', 'learning'] as const

/** How the server's process is started. */
export interface RunOptions {
  /** In place of `posthouse serve`: a script that is given the config folder. */
  readonly script?: string
  readonly env?: Readonly<Record<string, string>>
  /** In a process group of its own, for `killAll`. */
  readonly detached?: boolean
}

/** A start has this long on a machine that does other things too. */
const START_MS = 120_000
/** So has whatever is waited for: only what never comes takes so long. */
export const PATIENCE_MS = 90_000

export class Instance {
  readonly dir: string
  readonly ports: Ports
  readonly #run: RunOptions
  readonly #only: readonly string[] | undefined
  #child: ChildProcess | undefined
  #log = ''

  constructor(dir: string, ports: Ports, { run = {}, only }: InstanceOptions = {}) {
    this.dir = dir
    this.ports = ports
    this.#run = run
    this.#only = only
  }

  static async make(options: InstanceOptions = {}): Promise<Instance> {
    const parent = await mkdtemp(join(tmpdir(), 'posthouse-test-'))
    const base = await freeBase()
    const dir = join(parent, 'mail')
    const ports = Object.fromEntries(Object.entries(OFFSETS).map(([name, offset]) => [name, base + offset])) as Ports
    const instance = new Instance(dir, ports, options)
    const domain = options.domain ?? 'example.test'
    const made = await sayHere(['init', dir, '--domain', domain, '--base-port', String(base)])
    if (made.code !== 0) throw new Error(`init failed: ${made.out}`)
    await instance.edit('server.yaml', text => setKeys(text, { workers: 1, ...options.server }))
    await instance.edit('plugins.yaml', text => setPlugins(text, options))
    for (const [name, text] of Object.entries(options.files ?? {}))
      await writeFile(join(instance.configDir, name), text)
    if (options.users !== undefined) await addUsers(instance.dataDir, domain, options)
    return instance
  }

  get configDir(): string {
    return this.dir
  }

  get dataDir(): string {
    return join(this.dir, 'data')
  }

  async edit(name: string, change: (text: string) => string): Promise<void> {
    const path = join(this.configDir, name)
    await writeFile(path, change(await readFile(path, 'utf8')))
  }

  /** Resolves when all ports answer. */
  async start(): Promise<void> {
    const { script, env, detached = false } = this.#run
    const args = script === undefined ? [MAIN, 'serve', '--config', this.configDir] : [script, this.configDir]
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached,
      env: { ...process.env, ...env },
    })
    this.#child = child
    child.stdout.on('data', (chunk: Buffer) => this.#note(chunk))
    child.stderr.on('data', (chunk: Buffer) => this.#note(chunk))
    await this.#answering(child)
  }

  async #answering(child: ChildProcess): Promise<void> {
    const until = Date.now() + START_MS
    for (const name of this.#doors) {
      const port = this.ports[name]
      while (!(await answers(port))) {
        if (this.over) throw new Error(`the server ended with ${child.exitCode ?? child.signalCode}:\n${this.log}`)
        if (Date.now() > until)
          throw new Error(`the server did not open port ${port} in ${START_MS / 1000} s:\n${this.log}`)
        await sleep(50)
      }
    }
  }

  /** Those that say that it is up. */
  get #doors(): readonly (keyof Ports)[] {
    const all = ['mx', 'imap', 'pop3', 'lmtp'] as const
    return all.filter(name => (name !== 'imap' && name !== 'pop3') || (this.#only?.includes(name) ?? true))
  }

  /** Whether its supervisor has ended, by itself or killed. */
  get over(): boolean {
    const { exitCode, signalCode } = this.#child!
    return (exitCode ?? signalCode) !== null
  }

  /** Its processes, the supervisor first. */
  async pids(): Promise<readonly number[]> {
    const children = await readFile(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').catch(() => '')
    return [this.pid, ...children.split(' ').filter(Boolean).map(Number)]
  }

  /** SIGKILL for supervisor and workers in one step; resolves when they are gone. Needs `detached`. */
  async killAll(): Promise<void> {
    const child = this.#child!
    const ended = this.over ? undefined : once(child, 'exit')
    try {
      process.kill(-this.pid, 'SIGKILL')
    } catch (error) {
      // all of it has ended by itself
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    await ended
    // a worker that is just being taken down still holds its ports
    for (const name of this.#doors) await eventually(async () => ((await answers(this.ports[name])) ? undefined : true))
  }

  #note(chunk: Buffer): void {
    if (this.#log.length < 5_000_000) this.#log += chunk.toString()
  }

  get log(): string {
    return this.#log
  }

  get pid(): number {
    return this.#child!.pid!
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name)
  }

  /** Waits until the log has a match. */
  async logged(pattern: RegExp, withinMs = PATIENCE_MS): Promise<RegExpExecArray> {
    return eventually(
      () => pattern.exec(this.#log) ?? undefined,
      withinMs,
      () => `no ${pattern} in the log:\n${this.#log}`,
    )
  }

  /** Ends the server and resolves to its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const ended = new Promise<number | null>(done => child.once('exit', code => done(code)))
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), 40_000)
    const code = await ended
    clearTimeout(timer)
    return code
  }

  async destroy(): Promise<void> {
    await this.stop('SIGTERM')
    await rm(dirname(this.dir), { recursive: true, force: true })
  }

  /** A command beside the server, in this process: a start of the program costs more than most commands. */
  cli(args: readonly string[], stdin = ''): Promise<CliResult> {
    return sayHere([...args, '--config', this.configDir], stdin)
  }

  /** The same by the program itself, which leaves nothing open. */
  program(args: readonly string[], stdin = ''): Promise<CliResult> {
    return run([MAIN, ...args, '--config', this.configDir], stdin)
  }
}

/** Tries until there is a value; throws what `explain` says when time is up. */
export async function eventually<T>(
  look: () => T | undefined | Promise<T | undefined>,
  withinMs = PATIENCE_MS,
  explain: () => string = () => 'it did not come true in time',
): Promise<T> {
  const until = Date.now() + withinMs
  for (;;) {
    const begun = Date.now()
    const value = await look()
    if (value !== undefined) return value
    if (Date.now() > until) throw new Error(explain())
    // Whoever takes long to look leaves as much time to what is looked at.
    await sleep(Math.max(25, Date.now() - begun))
  }
}

/** Sets top-level keys of a YAML text and keeps its comments. */
export function setKeys(text: string, keys: Readonly<Record<string, unknown>>): string {
  const document = parseDocument(text)
  for (const [key, value] of Object.entries(keys)) document.set(key, document.createNode(value))
  return document.toString()
}

function setPlugins(text: string, { plugins = {}, first = [], only, without = [] }: InstanceOptions): string {
  const document = parseDocument(text)
  const list = document.contents as YAMLSeq<YAMLMap>
  if (only !== undefined) list.items = list.items.filter(item => only.includes(String(item.get('use'))))
  list.items = list.items.filter(item => !without.includes(String(item.get('use'))))
  const entries = document.toJS() as { use: string; with?: object }[]
  for (const [use, values] of Object.entries(plugins)) {
    const at = entries.findIndex(entry => entry.use === use)
    if (at < 0) throw new Error(`plugins.yaml has no entry ${use}`)
    document.setIn([at, 'with'], document.createNode({ ...entries[at]!.with, ...values }))
  }
  for (const entry of first.toReversed()) list.items.unshift(document.createNode(entry) as YAMLMap)
  return document.toString()
}

function run(args: readonly string[], stdin = ''): Promise<CliResult> {
  return new Promise(done => {
    const child = execFile(
      process.execPath,
      args,
      { timeout: PATIENCE_MS, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
        done({ code, stdout, stderr })
      },
    )
    child.stdin!.end(stdin)
  })
}
