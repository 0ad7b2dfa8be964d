/**
 * The log: pino behind our own `Log`, so that nothing else knows pino.
 * JSON lines, one object each, appended in one write, so that workers may share a file; readable lines on a terminal.
 * Secrets are struck out by name here, as the last net: whoever logs should not have given them.
 */
import { type DestinationStream, destination, type Logger, pino, stdSerializers, stdTimeFunctions } from 'pino'
import type { Log } from '../api/index.js'
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
const REDACTED = SECRETS.flatMap(name => [name, `*.${name}`, `*.*.${name}`])

export function openLog(wish: LogWish): OpenLog {
  const out = open(wish.file)
  const sink: DestinationStream = isPretty(wish) ? { write: line => out.write(prettyLine(line)) } : out
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
    log: wrap(logger, wish.facts),
    reopen: () => isFile && out.reopen(),
    close: () => isFile && out.destroy(),
  }
}

interface Out extends DestinationStream {
  reopen(): void
  destroy(): void
}

function open(file: string): Out {
  // synchronous: a line is out before the process can die of what it tells
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

/** What a line says itself stands in place of what its log was given: pino alone would write both, and one name twice is not JSON. */
function wrap(logger: Logger, bound: object | undefined): Log {
  const write = (level: LogWish['level']) => (facts: object, sentence: string) => {
    if (logger.isLevelEnabled(level)) logger[level]({ ...bound, ...facts }, sentence)
  }
  return {
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    child: facts => wrap(logger, { ...bound, ...facts }),
  }
}

/** Errors given as `error` are told in a word; with their stack when given as `err`. */
function asText(value: unknown): unknown {
  return value instanceof Error ? value.message : value
}
