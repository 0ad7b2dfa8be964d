/**
 * What the end of a test run says: which files took longest, which tests were skipped, which failed and why.
 * Of a long run often only the tail of the log is kept; so all of it stands right before the runner's counts, and is bounded.
 */
import { isAbsolute, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/** One event of the runner of node:test; of its data only what is read here. */
export interface TestEvent {
  readonly type: string
  readonly data: {
    readonly name?: string
    readonly nesting?: number
    readonly file?: string
    readonly line?: number
    readonly message?: string
    readonly skip?: string | boolean
    readonly todo?: string | boolean
    readonly details?: { readonly duration_ms?: number; readonly error?: unknown }
  }
}

/** The first line of the summary; `.ci/run` looks for it. */
export const HEADING = 'what failed and what was skipped'

const MAX_FAILURES = 10
const MAX_FAILURE_LINES = 30
const MAX_SKIPS = 40
const MAX_SLOW = 10
const MAX_COLUMNS = 300

interface Failure {
  readonly title: string
  readonly text: string
}

export class TestSummary {
  readonly #root: string
  /** Names of the tests around the one that runs, by nesting. */
  readonly #path: string[] = []
  readonly #failures: Failure[] = []
  readonly #skips: string[] = []
  readonly #seconds = new Map<string, number>()
  /** What was thrown outside of all tests; told before the file it belongs to is. */
  #stray = ''
  /** The last of what each file wrote to its error output: all that is known when its process dies. */
  readonly #lastWords = new Map<string, string>()

  constructor(root: string) {
    this.#root = root
  }

  get failed(): boolean {
    return this.#failures.length > 0
  }

  note({ type, data }: TestEvent): void {
    switch (type) {
      case 'test:start':
        this.#path.length = data.nesting!
        this.#path[data.nesting!] = data.name!
        break
      case 'test:complete':
        if (isFile(data)) this.#seconds.set(this.#file(data.file), data.details!.duration_ms! / 1000)
        break
      case 'test:stderr':
        this.#lastWords.set(data.file!, lastLines((this.#lastWords.get(data.file!) ?? '') + data.message))
        break
      case 'test:diagnostic':
        if (data.message!.includes('asynchronous activity')) this.#stray = data.message!
        break
      case 'test:pass':
        if (reallySkipped(data)) this.#skips.push(`${this.#title(data)}${why(data.skip)}`)
        break
      case 'test:fail':
        if (countsAsFailure(data)) this.#failures.push({ title: this.#title(data), text: this.#text(data) })
        break
    }
  }

  lines(): readonly string[] {
    const slow = [...this.#seconds].toSorted((a, b) => b[1] - a[1]).slice(0, MAX_SLOW)
    return [
      HEADING,
      `longest files: ${slow.map(([file, seconds]) => `${file} ${seconds.toFixed(1)} s`).join(', ')}`,
      ...this.#skips.slice(0, MAX_SKIPS).map(title => `SKIPPED ${title}`),
      ...more(this.#skips.length - MAX_SKIPS, 'skipped'),
      ...this.#failures.slice(0, MAX_FAILURES).flatMap(failureLines),
      ...more(this.#failures.length - MAX_FAILURES, 'failed'),
    ].map(line => line.slice(0, MAX_COLUMNS))
  }

  #title(data: TestEvent['data']): string {
    if (isFile(data)) return this.#file(data.file)
    const place = data.line === undefined ? '' : `:${data.line}`
    return `${this.#file(data.file)}${place} › ${[...this.#path.slice(0, data.nesting), data.name].join(' › ')}`
  }

  #text(data: TestEvent['data']): string {
    const text = reason(data.details?.error)
    if (!isFile(data)) return text
    const { exitCode, signal } = (data.details?.error ?? {}) as { exitCode?: number; signal?: string }
    const end = signal == null ? (exitCode == null ? '' : `its process ended with ${exitCode}`) : `ended by ${signal}`
    const stray = this.#stray
    this.#stray = ''
    return [text, end, stray, this.#lastWords.get(data.file!) ?? ''].filter(Boolean).join('\n')
  }

  #file(path: string | undefined): string {
    if (path === undefined) return 'unknown file'
    return isAbsolute(path) ? relative(this.#root, path) : path
  }
}

/** The runner reports a whole file as a test of that name when its process ends badly. */
function isFile({ name, nesting, file }: TestEvent['data']): boolean {
  return nesting === 0 && file !== undefined && (name === file || (name !== undefined && file.endsWith(`/${name}`)))
}

function reallySkipped({ skip }: TestEvent['data']): boolean {
  return skip !== undefined && skip !== false
}

/** A suite whose test failed says nothing of its own; what is still to be done may fail. */
function countsAsFailure({ todo, details }: TestEvent['data']): boolean {
  if (todo !== undefined && todo !== false) return false
  return (details?.error as { failureType?: string } | undefined)?.failureType !== 'subtestsFailed'
}

function why(skip: string | boolean | undefined): string {
  return typeof skip === 'string' && skip !== '' ? ` (${skip})` : ''
}

/** What was thrown: the runner wraps it. */
function reason(error: unknown): string {
  const { cause, message, failureType } = (error ?? {}) as { cause?: unknown; message?: string; failureType?: string }
  const thrown = cause instanceof Error || (typeof cause === 'object' && cause !== null) ? cause : undefined
  if (thrown === undefined) return [message ?? String(error), failureType ?? ''].filter(Boolean).join(' ')
  const { stack, message: text, expected, actual } = thrown as Record<string, unknown>
  const said = typeof stack === 'string' ? withMessage(stack, text) : String(text ?? thrown)
  const values = expected === undefined && actual === undefined ? '' : `expected ${show(expected)}, was ${show(actual)}`
  return stripVTControlCharacters([said, values].filter(Boolean).join('\n'))
}

/** Frames of Node itself tell nothing; errors that came from another process may have lost the message in their stack. */
function withMessage(stack: string, message: unknown): string {
  const frames = stack.split('\n').filter(line => !/^\s+at .*node:internal|^\s+at .*\(node:/.test(line))
  const text = frames.join('\n')
  return typeof message === 'string' && !text.includes(message) ? `${message}\n${text}` : text
}

function show(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, MAX_COLUMNS)
  } catch {
    return String(value)
  }
}

function failureLines({ title, text }: Failure): readonly string[] {
  const lines = text.split('\n').filter(line => line.trim() !== '')
  const cut = lines.length > MAX_FAILURE_LINES ? [`  … ${lines.length - MAX_FAILURE_LINES} more lines`] : []
  return [`FAILED ${title}`, ...lines.slice(0, MAX_FAILURE_LINES).map(line => `  ${line}`), ...cut]
}

function more(count: number, what: string): readonly string[] {
  return count > 0 ? [`… and ${count} more ${what}`] : []
}

function lastLines(text: string): string {
  return text.split('\n').slice(-MAX_FAILURE_LINES).join('\n')
}
