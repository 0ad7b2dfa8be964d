/** Logs for tests: one that is silent, one that remembers. */
import type { Log } from '../api/index.js'

export const quietLog: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => quietLog,
}

export interface LogLine {
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  readonly facts: Readonly<Record<string, unknown>>
  readonly sentence: string
}

export interface RememberingLog extends Log {
  readonly lines: readonly LogLine[]
}

/** Keeps every line; children add their facts. */
export function rememberingLog(lines: LogLine[] = [], more: object = {}): RememberingLog {
  const write = (level: LogLine['level']) => (facts: object, sentence: string) => {
    lines.push({ level, facts: { ...more, ...facts }, sentence })
  }
  return {
    lines,
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    child: facts => rememberingLog(lines, { ...more, ...facts }),
  }
}
