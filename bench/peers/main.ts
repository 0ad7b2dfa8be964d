/**
 * `npm run bench -- peers`: ours beside other servers in one run, where they are installed. Without a name all of them, one after the other, at their usual size;
 * with one only that, with its own options behind it. Each prints how the servers were set up, a table and the ratios.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { meantText } from '../lib/options.js'

interface Bench {
  readonly file: string
  readonly args: readonly string[]
  readonly asks: string
}

const BENCHES: ReadonlyMap<string, Bench> = new Map([
  [
    'mailbox',
    { file: 'mailbox.js', args: [], asks: 'into mailboxes: Postfix + Dovecot; to the queue: Postfix, Haraka' },
  ],
  ['filtered', { file: 'mailbox.js', args: ['--filter'], asks: 'with the whole filter: Postfix + Rspamd + Dovecot' }],
  ['relay', { file: 'relay.js', args: ['--connections', 'kept'], asks: 'relaying: Postfix, Haraka' }],
  ['imap', { file: 'imap.js', args: [], asks: 'IMAP: Dovecot with mbox and Maildir' }],
])
/** These know Haraka. */
const WITH_HARAKA: ReadonlySet<string> = new Set(['mailbox', 'relay'])

const HELP = `npm run bench -- peers [--haraka fetch|DIR]        all of these, half an hour and more; as root, on a machine with nothing else to do
npm run bench -- peers NAME [its options]

${[...BENCHES].map(([name, { asks }]) => `  ${name.padEnd(10)}${asks}`).join('\n')}

  --haraka fetch|DIR   Haraka takes part: fetched by npm into the bench's own folder, or installed in DIR
`

async function main(): Promise<number> {
  const [first, ...others] = process.argv.slice(2)
  const named = first === undefined ? undefined : BENCHES.get(first)
  if (named !== undefined) return run(named, others)
  const haraka = first === '--haraka' && others.length === 1 ? ['--haraka', others[0]!] : []
  if (first === '--help') {
    process.stdout.write(HELP)
    return 0
  }
  if (first !== undefined && haraka.length === 0) {
    process.stderr.write(`${whyNot(first)}\nSee npm run bench -- peers --help\n`)
    return 2
  }
  let worst = 0
  for (const [name, bench] of BENCHES) {
    process.stdout.write(`\n${name}: ${bench.asks}\n`)
    worst = Math.max(worst, await run(bench, WITH_HARAKA.has(name) ? haraka : []))
  }
  return worst
}

function whyNot(first: string): string {
  if (first === '--haraka') return '--haraka: expected fetch or a folder behind it, and no more'
  if (first.startsWith('-')) return `${first}: options of one of them stand behind its name`
  return `no peers "${first}"${meantText(first, [...BENCHES.keys()])}`
}

function run({ file, args }: Bench, others: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...args, ...others], {
    stdio: 'inherit',
  })
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, pass)
  return new Promise((done, fail) => {
    child.once('error', fail)
    child.once('exit', (code, signal) => done(code ?? (signal === null ? 1 : 130)))
  })
}

process.exitCode = await main()
