/** What `npm run bench -- NAME …` runs beside scenarios: programs of their own, each with its own options (`--help`) and its own tables. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

interface Command {
  readonly file: string
  readonly asks: string
}

export const COMMANDS: ReadonlyMap<string, Command> = new Map([
  [
    'compare',
    { file: 'compare.js', asks: 'two files of --json: what became of rates, CPU, latencies, writes and memory' },
  ],
  [
    'report',
    { file: 'report/main.js', asks: 'draws the figures of files of --json as charts (SVG) into bench/results/' },
  ],
  [
    'ratios',
    { file: 'ratios/main.js', asks: 'the short fixed set of ratios that CI holds; ends with 1 beyond a limit' },
  ],
  [
    'peers',
    { file: 'peers/main.js', asks: 'the same load on Postfix, Dovecot, Haraka and Rspamd where they are installed' },
  ],
  ['filter', { file: 'filter/main.js', asks: 'how often the filter is wrong, and what it costs, beside others' }],
  ['queue-million', { file: 'queue-million.js', asks: 'a queue of a million recipients: claims, start, commands' }],
  [
    'recipients',
    { file: 'recipients.js', asks: 'what a message to 1 … 1,000 local recipients costs, and what is written' },
  ],
  ['idle-news', { file: 'idle-news.js', asks: 'how soon a client that idles hears what came in by another worker' }],
  ['search', { file: 'search.js', asks: 'SEARCH, SORT and THREAD over 100,000 messages, with an index and without' }],
  ['text', { file: 'text.js', asks: 'what it costs to read a mail as a person would see it' }],
])

/** Runs it with its own command line; resolves to its exit code. */
export function runCommand({ file }: Command, args: readonly string[]): Promise<number> {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const child = spawn(process.execPath, [path, ...args], { stdio: 'inherit' })
  // It ends what it has started, and then itself.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  return new Promise((done, fail) => {
    child.once('error', fail)
    child.once('exit', (code, signal) => done(code ?? (signal === null ? 1 : 130)))
  })
}
