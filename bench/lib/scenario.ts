/**
 * What a scenario is: a question, its cases, and a stage on which ours and the reference stand ready to be driven in turns.
 * Everything a stage starts is handed to `Setting.keep`, so that it ends whatever happens.
 */
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Arguments } from './args.js'
import type { Case, Load, Row } from './figures.js'
import type { Evidence, FlushCounter } from './flush.js'
import { meantText, Wrong } from './options.js'
import type { PosthouseOptions } from './posthouse.js'

/** A server that is measured: ours or the reference. */
export interface Side {
  readonly group: number
  readonly flushes?: FlushCounter | undefined
  /** What a turn needs and is not of it: mail to fetch, a queue to start on. */
  prepare?(one: Case, seconds: number): Promise<void>
  drive(one: Case, seconds: number): Promise<Load>
}

export interface Stage {
  readonly ours: Side
  /** Left out where nothing built in does the same work. */
  readonly reference?: Side
  /** What the figures of a case come to, in a sentence. */
  remark?(row: Row): string | undefined
  /** Were acknowledged messages durable? */
  probe(): Promise<Evidence>
}

export interface Scenario {
  readonly name: string
  /** The question in a sentence. */
  readonly asks: string
  readonly variants: readonly string[]
  /** All variants on one stage, as making it takes longest. */
  readonly oneStage?: boolean
  /** Run only when it is named: it takes long. */
  readonly onRequest?: boolean
  /** What stands in place of 5 s of load on both before anything is measured: nothing, as a start is cold and memory is judged once. */
  readonly cold?: boolean
  /** Turns of each side per case; three unless said. */
  readonly rounds?: (one: Case) => number
  /** What is run when nobody names sessions or sizes. */
  readonly usual: readonly Omit<Case, 'scenario'>[]
  open(variant: string, cases: readonly Case[], setting: Setting): Promise<Stage>
}

/**
 * Variants by what stood between commas: a name may have a comma of its own, so of neighbours as many belong together as make a known name.
 * @throws Wrong when none of the scenarios has such a variant
 */
export function variantsOf(words: readonly string[], scenarios: readonly Pick<Scenario, 'variants'>[]): string[] {
  const known = [...new Set(scenarios.flatMap(one => one.variants))]
  const found: string[] = []
  for (let at = 0; at < words.length; ) {
    const names = words.slice(at).map((_, more) => words.slice(at, at + more + 1).join(', '))
    const name = names.findLast(one => known.includes(one))
    if (name === undefined) throw new Wrong(`--variant: there is no "${words[at]}"${meantText(words[at]!, known)}`)
    found.push(name)
    at += names.indexOf(name) + 1
  }
  return found
}

/** Sets of sessions and sizes to run, in the order of `usual`. */
export function casesOf(scenario: Scenario, args: CaseWish): Case[] {
  const { variants = [] } = args
  return allCases(scenario, args).filter(one => variants.length === 0 || variants.includes(one.variant))
}

type CaseWish = Pick<Arguments, 'sessions' | 'sizes'> & Partial<Pick<Arguments, 'variants'>>

function allCases(scenario: Scenario, args: CaseWish): Case[] {
  const { name, usual, variants } = scenario
  if (args.sessions === undefined && args.sizes === undefined) return usual.map(one => ({ scenario: name, ...one }))
  return variants.flatMap(variant => {
    const own = usual.filter(one => one.variant === variant)
    const sessions = args.sessions ?? [...new Set(own.map(one => one.sessions))]
    const sizes = args.sizes ?? [...new Set(own.map(one => one.size))]
    return sizes.flatMap(size => sessions.map(count => ({ scenario: name, variant, sessions: count, size })))
  })
}

/** Where a stage stands: a folder of its own, the tools at hand, and what must be ended. */
export class Setting {
  readonly folder: string
  readonly args: Arguments
  /** The compiled counter, or why there is none. */
  readonly flushCounter: { readonly library: string } | { readonly why: string }
  readonly #ends: (() => Promise<void>)[] = []
  readonly #over = new AbortController()

  constructor(args: Arguments, flushCounter: Setting['flushCounter']) {
    this.args = args
    this.flushCounter = flushCounter
    this.folder = mkdtempSync(join(args.folder, 'posthouse-bench-'))
  }

  /** What every scenario's server has in common. */
  get serverOptions(): Pick<
    PosthouseOptions,
    'parent' | 'workers' | 'flushLibrary' | 'profileFolder' | 'spawned' | 'signal'
  > {
    const { workers, profile: profileFolder } = this.args
    return {
      parent: this.folder,
      workers,
      flushLibrary: this.flushLibrary,
      profileFolder,
      signal: this.#over.signal,
      spawned: server => void this.keep(server, one => one.stop()),
    }
  }

  get flushLibrary(): string | undefined {
    return 'library' in this.flushCounter ? this.flushCounter.library : undefined
  }

  /** `end` is called when the stage is over, last started first. What starts after an interruption is told to end at once. */
  keep<T>(thing: T, end: (thing: T) => Promise<void>): T {
    this.#ends.push(() => end(thing))
    if (this.#over.signal.aborted) throw new Error('interrupted')
    return thing
  }

  async end(): Promise<void> {
    this.#over.abort()
    for (const end of this.#ends.splice(0).reverse()) await end()
    // A command that was cut off may still write a last file.
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}

/** Plugins that read every word of a message; only the variant that asks for them has them. */
export const CONTENT_FILTER: readonly string[] = [
  'origin',
  'look-alikes',
  'reputation',
  'spam-rules',
  'learning',
  'spam-action',
]

/** Bounds of a turn beside its time: messages and octets on disk. */
export function mostMessages(size: number, { messages = 200_000 }: Pick<Arguments, 'messages'>): number {
  return Math.max(1, Math.min(messages, Math.floor(2e9 / size)))
}
