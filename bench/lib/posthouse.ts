/**
 * The server under test: a real `posthouse serve` on a config made by `posthouse init`, in a process group of its own, its log in a
 * file as under a service manager. Driven only from outside. What the bench changes in the config stands here and in the scenarios.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Document, isMap, isSeq, parseDocument } from 'yaml'
import { addUsers } from '../../test/harness/accounts.js'
import { answers, freeBase, OFFSETS } from '../../test/harness/ports.js'
import { FlushCounter } from './flush.js'
import { ROOT } from './root.js'

const MAIN = 'dist/core/main.js'
/** A machine that does much else takes its time. */
const START_MS = 120_000
export const DOMAIN = 'bench.test'

export interface PosthouseOptions {
  /** Must exist; the server's own folder is made in it. */
  readonly parent: string
  readonly workers: number
  readonly users: readonly (readonly [login: string, password: string])[]
  /** Top-level keys of server.yaml. */
  readonly server?: Readonly<Record<string, unknown>>
  /** Keys of `with` per plugin. */
  readonly plugins?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Entries of plugins.yaml that are taken out. */
  readonly without?: readonly string[]
  /** Entries put in front of plugins.yaml. */
  readonly first?: readonly Readonly<Record<string, unknown>>[]
  /** More files of the config folder. */
  readonly files?: Readonly<Record<string, string>>
  readonly flushLibrary?: string | undefined
  /** Another clone, built: its server is started in place of ours. */
  readonly root?: string
  /** Writes CPU profiles of all its processes there. */
  readonly profileFolder?: string | undefined
  /** Cuts the commands that prepare it off. */
  readonly signal?: AbortSignal | undefined
  /** Called as soon as there is a process that must be ended. */
  readonly spawned?: ((server: Posthouse) => void) | undefined
}

/** A config folder that a server can be started on, again and again. */
export interface Site {
  readonly base: number
  readonly folder: string
  readonly main: string
}

export interface Ports {
  readonly mx: number
  readonly lmtp: number
  readonly pop3: number
  readonly imap: number
}

export class Posthouse {
  readonly ports: Ports
  readonly flushes: FlushCounter | undefined
  readonly dataFolder: string
  readonly #child: ChildProcess
  readonly #logFile: string

  private constructor(child: ChildProcess, base: number, folder: string, flushes: FlushCounter | undefined) {
    this.#child = child
    const { mx, lmtp, pop3, imap } = OFFSETS
    this.ports = { mx: base + mx, lmtp: base + lmtp, pop3: base + pop3, imap: base + imap }
    this.flushes = flushes
    this.dataFolder = folder
    this.#logFile = join(folder, 'bench-server.log')
  }

  static async start(options: PosthouseOptions): Promise<Posthouse> {
    const posthouse = Posthouse.spawn(await Posthouse.prepare(options), options)
    await posthouse.#untilOpen()
    return posthouse
  }

  static async prepare(options: PosthouseOptions): Promise<Site> {
    const base = await freeBase()
    const folder = join(options.parent, `posthouse-${base}`)
    const main = join(options.root ?? ROOT, MAIN)
    await cli(main, ['init', folder, '--domain', DOMAIN, '--base-port', String(base)], options.signal)
    // Nobody waits for what the bench leaves in the queue.
    const server = { workers: options.workers, drain_timeout: '1s', ...options.server }
    edit(join(folder, 'server.yaml'), document => {
      for (const [key, value] of Object.entries(server)) document.set(key, value)
    })
    edit(join(folder, 'plugins.yaml'), document => {
      for (const name of options.without ?? []) removePlugin(document, name)
      setPlugins(document, options.plugins ?? {})
      if (isSeq(document.contents))
        document.contents.items.unshift(...(options.first ?? []).map(entry => document.createNode(entry)))
    })
    for (const [name, text] of Object.entries(options.files ?? {})) writeFileSync(join(folder, name), text)
    await makeUsers({ base, folder, main }, options)
    return { base, folder, main }
  }

  /** Started, and no more: what answers when is the caller's question. */
  static spawn({ base, folder, main }: Site, options: PosthouseOptions): Posthouse {
    const flushes =
      options.flushLibrary === undefined
        ? undefined
        : new FlushCounter(options.flushLibrary, join(options.parent, `flushes-${base}`))
    const posthouse = new Posthouse(spawnServer(main, folder, options, flushes), base, folder, flushes)
    options.spawned?.(posthouse)
    return posthouse
  }

  /** Process group: the supervisor's pid. */
  get group(): number {
    return this.#child.pid!
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** The end of the log, for a failure's story. */
  logEnd(): string {
    return readFileSync(this.#logFile, 'utf8').slice(-2000)
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (this.ended) return
    const ended = new Promise(done => child.once('exit', done))
    child.kill('SIGTERM')
    const timer = setTimeout(() => this.kill(), 15_000)
    await ended
    clearTimeout(timer)
  }

  /** The whole group, at once. */
  kill(): void {
    if (this.ended) return
    process.kill(-this.group, 'SIGKILL')
  }

  async #untilOpen(): Promise<void> {
    const until = Date.now() + START_MS
    for (const port of [this.ports.mx, this.ports.imap]) {
      while (!(await answers(port))) {
        if (this.ended || Date.now() > until) {
          this.kill()
          throw new Error(`the server did not open port ${port}:\n${this.logEnd()}`)
        }
        await sleep(50)
      }
    }
  }
}

/** Another clone makes its own, as its accounts may be written otherwise. */
async function makeUsers({ folder, main }: Site, { users, root, signal }: PosthouseOptions): Promise<void> {
  if (root === undefined) return addUsers(join(folder, 'data'), DOMAIN, { users })
  for (const [login, password] of users)
    await cli(main, ['user', 'add', login, '--password-stdin', '--config', folder], signal, `${password}\n`)
}

function spawnServer(
  main: string,
  folder: string,
  options: PosthouseOptions,
  flushes: FlushCounter | undefined,
): ChildProcess {
  mkdirSync(folder, { recursive: true })
  const log = openSync(join(folder, 'bench-server.log'), 'a')
  const profile = options.profileFolder === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', options.profileFolder]
  const child = spawn(process.execPath, [...profile, main, 'serve', '--config', folder], {
    stdio: ['ignore', log, log],
    detached: true,
    env: { ...process.env, ...flushes?.env },
  })
  closeSync(log)
  return child
}

function edit(path: string, change: (document: Document) => void): void {
  const document = parseDocument(readFileSync(path, 'utf8'))
  change(document)
  writeFileSync(path, document.toString())
}

function removePlugin(document: Document, name: string): void {
  if (!isSeq(document.contents)) return
  document.contents.items = document.contents.items.filter(item => !isMap(item) || item.get('use') !== name)
}

function setPlugins(document: Document, plugins: Readonly<Record<string, Readonly<Record<string, unknown>>>>): void {
  const entries = isSeq(document.contents) ? document.contents.items : []
  for (const [name, config] of Object.entries(plugins)) {
    const entry = entries.find(item => isMap(item) && item.get('use') === name)
    if (!isMap(entry)) throw new Error(`plugins.yaml as made by init has no ${name}`)
    for (const [key, value] of Object.entries(config)) entry.setIn(['with', key], document.createNode(value))
  }
}

function cli(main: string, args: readonly string[], signal: AbortSignal | undefined, stdin = ''): Promise<void> {
  return new Promise((done, fail) => {
    const child = execFile(
      process.execPath,
      [main, ...args],
      { timeout: START_MS, signal, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        if (error === null) done()
        else fail(new Error(`posthouse ${args.slice(0, 2).join(' ')} failed: ${stdout}${stderr}`))
      },
    )
    child.stdin!.end(stdin)
  })
}
