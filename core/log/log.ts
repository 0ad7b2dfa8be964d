/**
 * The log: pino behind our own `Log`, so that nothing else knows pino.
 * JSON lines, one object each, appended in whole lines, so that workers may share a file; readable lines on a terminal.
 * Secrets are struck out by name here, as the last net: whoever logs should not have given them.
 */
import { type DestinationStream, destination, type Logger, pino, stdSerializers, stdTimeFunctions } from 'pino'
import type { Log } from '../api/index.js'
import { Lines, type Sink } from './lines.js'
import { prettyLine } from './pretty.js'

export interface LogWish {
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  /** `-` is standard output, `err` standard error, else a path. */
  readonly file: string
  readonly pretty: 'auto' | 'always' | 'never'
  /** Facts of every line: `{ worker: 2 }`. */
  readonly facts?: object
}

export interface OpenLog {
  readonly log: Log
  /** After logrotate has moved the file away. */
  reopen(): void
  /** Gives the file back; nothing may be logged here afterwards. */
  close(): void
}

const SECRETS = ['password', 'pass', 'secret', 'token', 'key', 'authorization']
/** What pino writes itself, or writes in a way of its own. */
const SPECIAL: ReadonlySet<string> = new Set([...SECRETS, 'level', 'time', 'msg', 'err', 'error', 'cause'])
const REDACTED = SECRETS.flatMap(name => [name, `*.${name}`, `*.*.${name}`])

export function openLog(wish: LogWish): OpenLog {
  const out = open(wish.file)
  const lines = new Lines(out)
  const sink: Sink = isPretty(wish)
    ? { write: line => lines.write(prettyLine(line)), flush: () => lines.flush() }
    : lines
  const logger = pino(
    {
      level: wish.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: name => ({ level: name }) },
      serializers: { err: stdSerializers.err, error: asText, cause: asText },
      redact: { paths: REDACTED, censor: '[secret]' },
    },
    sink,
  )
  const isFile = wish.file !== '-' && wish.file !== 'err'
  return {
    log: new PinoLog(logger, sink, wish.facts),
    reopen: () => {
      lines.flush()
      if (isFile) out.reopen()
    },
    close: () => {
      lines.close()
      if (isFile) out.destroy()
    },
  }
}

interface Out extends DestinationStream {
  reopen(): void
  destroy(): void
}

function open(file: string): Out {
  // synchronous: trouble is out before the process can die of it
  const target = file === '-' ? 1 : file === 'err' ? 2 : file
  const out = destination({ dest: target, sync: true, mkdir: true, mode: 0o640, append: true })
  // a full disk or a closed pipe must not end the server
  out.on('error', () => undefined)
  return out
}

function isPretty(wish: LogWish): boolean {
  if (wish.pretty !== 'auto') return wish.pretty === 'always'
  return (wish.file === '-' && process.stdout.isTTY) || (wish.file === 'err' && process.stderr.isTTY)
}

type Facts = Readonly<Record<string, unknown>>

/** What a line says itself stands in place of what its log was given: pino alone would write both, and one name twice is not JSON. */
class PinoLog implements Log {
  readonly #logger: Logger
  readonly #sink: Sink
  readonly #own: Facts
  readonly #parent: PinoLog | undefined
  #joined: Facts | undefined

  constructor(logger: Logger, sink: Sink, own: object = {}, parent?: PinoLog) {
    this.#logger = logger
    this.#sink = sink
    this.#own = own as Facts
    this.#parent = parent
  }

  /** Joined when first written: most logs that are made for a plugin never say anything. */
  get #bound(): Facts {
    this.#joined ??= this.#parent === undefined ? this.#own : { ...this.#parent.#bound, ...this.#own }
    return this.#joined
  }

  error(facts: object, sentence: string): void {
    this.#write('error', facts, sentence)
  }

  warn(facts: object, sentence: string): void {
    this.#write('warn', facts, sentence)
  }

  info(facts: object, sentence: string): void {
    this.#write('info', facts, sentence)
  }

  debug(facts: object, sentence: string): void {
    this.#write('debug', facts, sentence)
  }

  child(facts: object): Log {
    return new PinoLog(this.#logger, this.#sink, facts, this)
  }

  #write(level: LogWish['level'], facts: object, sentence: string): void {
    if (!this.#logger.isLevelEnabled(level)) return
    const bound = this.#bound
    const line = plainLine(level, bound, facts as Facts, sentence)
    if (line === undefined) this.#logger[level]({ ...bound, ...facts }, sentence)
    else this.#sink.write(line)
    if (level === 'error' || level === 'warn') this.#sink.flush()
  }
}

/**
 * The line as pino would write it, when all facts are words, numbers and the like, and none bears a name that pino has to look at. Three lines of
 * a relayed message: a tenth of the time, as striking out by name looks into every fact for every name.
 */
function plainLine(level: string, bound: Facts, facts: Facts, sentence: string): string | undefined {
  let line = `{"level":"${level}","time":"${timeText(Date.now())}"`
  for (const name in bound) {
    const said = plainFact(name, name in facts ? facts[name] : bound[name])
    if (said === undefined) return undefined
    line += said
  }
  for (const name in facts) {
    if (name in bound) continue
    const said = plainFact(name, facts[name])
    if (said === undefined) return undefined
    line += said
  }
  return `${line},"msg":${textOf(sentence)}}\n`
}

let lastTime = { at: Number.NaN, text: '' }

/** Lines come by the dozen in a millisecond. */
function timeText(at: number): string {
  if (at !== lastTime.at) lastTime = { at, text: new Date(at).toISOString() }
  return lastTime.text
}

/** With the comma in front. What is undefined is left out; nothing: pino has to look at it. */
function plainFact(name: string, value: unknown): string | undefined {
  const key = NAMES.get(name) ?? keyOf(name)
  if (key === SPECIAL_NAME) return undefined
  switch (typeof value) {
    case 'undefined':
      return ''
    case 'string':
      return key + textOf(value)
    case 'number':
      return key + (Number.isFinite(value) ? String(value) : 'null')
    case 'boolean':
      return key + String(value)
    default:
      return value === null ? `${key}null` : undefined
  }
}

/** Names of facts as they stand in a line, with the comma in front. They come from the code, so they are few. */
const NAMES = new Map<string, string>()
const MOST_NAMES = 1000
/** Pino has to look at it. */
const SPECIAL_NAME = ''

function keyOf(name: string): string {
  const key = SPECIAL.has(name) ? SPECIAL_NAME : `,${JSON.stringify(name)}:`
  if (NAMES.size < MOST_NAMES) NAMES.set(name, key)
  return key
}

/** Printable ASCII without what JSON has to hide stands for itself. */
const HARMLESS = /^[ !#-[\]-~]*$/

function textOf(text: string): string {
  return HARMLESS.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** Errors given as `error` are told in a word; with their stack when given as `err`. */
function asText(value: unknown): unknown {
  return value instanceof Error ? value.message : value
}
