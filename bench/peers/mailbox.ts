/**
 * `npm run bench -- peers mailbox`: mail into mailboxes, ours beside Postfix with Dovecot (and Rspamd, with --filter), and beside Postfix and Haraka that only queue.
 * Each case is done by turns (ABAB…) with the same number of messages from Postfix's smtp-source. Accepted: until the client had its last 250. Readable: until the
 * last message can be read by IMAP. Prints what each was configured to do and a table.
 */
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { program } from '../../test/harness/shared.js'
import { ends, runToTheEnd, say } from '../lib/ends.js'
import { buildFlushCounter } from '../lib/flush.js'
import { machineOf, machineText } from '../lib/machine.js'
import { Messages } from '../lib/message.js'
import { countOf, list, oneOf, parseOptions, sizeOf, Wrong } from '../lib/options.js'
import { checkPlaces } from '../lib/places.js'
import { writeResults } from '../lib/results.js'
import { figure } from '../lib/table.js'
import { DOVECOT_STORES } from './dovecot.js'
import { BOXES, type MailServer, startServers } from './mailbox/servers.js'
import { type CaseTurns, HEAD, linesOf, rowsOf } from './mailbox/table.js'
import { type MailTurn, type TurnOrder, turnOf } from './mailbox/turn.js'

const OPTIONS = {
  sessions: { type: 'string', default: '20' },
  size: { type: 'string', default: '4KB,50KB' },
  boxes: { type: 'string', default: '1,20' },
  messages: { type: 'string', default: '2000' },
  rounds: { type: 'string', default: '3' },
  warm: { type: 'string', default: '8' },
  workers: { type: 'string', default: '2' },
  store: { type: 'string', default: 'maildir' },
  filter: { type: 'boolean', default: false },
  haraka: { type: 'string' },
  only: { type: 'string' },
  folder: { type: 'string', default: tmpdir() },
  json: { type: 'string' },
  profile: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const

const HELP = `npm run bench -- peers mailbox [options]     as root, with Debian's postfix, dovecot-imapd and dovecot-lmtpd

  --filter              with the whole filter: ours beside Postfix + Rspamd + Dovecot (Debian's rspamd)
  --haraka fetch|DIR    Haraka takes part: fetched by npm into the bench's own folder, or installed in DIR
  --boxes 1,20          mailboxes that the mail is for;   --sessions 20   --size 4KB,50KB
  --messages N          of each turn (2000);   --rounds N   turns of each server (3);   --warm N   turns at most before that (8)
  --store S             Dovecot's store, of ${DOVECOT_STORES.join(', ')} (maildir)
  --workers N           of ours, of Haraka and of Rspamd (2);   --only posthouse
  --folder DIR  --json FILE  --profile DIR
`

/** CPU that has fallen by less stands still. */
const STEADY = 0.95
const BOTH =
  'all: mail for known mailboxes from loopback by smtp-source over kept connections; no TLS, no name service; log to a file; 250 after the message is flushed; data on the same disk'

async function main(): Promise<void> {
  const { values } = parseOptions({ options: OPTIONS })
  if (values.help) return void process.stdout.write(HELP)
  const wish = wishOf(values)
  if (wish.filter && values.haraka !== undefined) throw new Wrong('--haraka: Haraka takes no part with --filter')
  checkPlaces(values)
  if (program('smtp-source') === undefined) throw new Error('smtp-source is not here (Debian: apt install postfix)')
  const folder = mkdtempSync(join(values.folder, 'posthouse-bench-mailbox-'))
  chmodSync(folder, 0o755)
  ends.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))
  const counter = buildFlushCounter(folder)
  const servers = await startServers({
    folder,
    workers: wish.workers,
    filter: values.filter,
    store: wish.store,
    haraka: values.haraka,
    only: wish.only,
    profile: values.profile,
    flushLibrary: 'library' in counter ? counter.library : undefined,
    ends: end => ends.push(end),
    say,
  })
  const machine = machineOf(folder)
  const about = [BOTH, ...servers.map(one => one.about)]
  process.stdout.write(`${[machineText(machine), ...about].join('\n')}\n\n${HEAD}`)
  const began = Date.now()
  const results = await all(servers, wish, folder)
  const load = loadavg().map(one => one.toFixed(1))
  process.stdout.write(`load of the machine at the end: ${load.join(' ')}\n`)
  if (values.json !== undefined) {
    const rows = results.flatMap(rowsOf)
    writeResults(values.json, { at: new Date(began).toISOString(), machine, settings: values, about, rows })
  }
}

type Values = Readonly<
  Record<'sessions' | 'size' | 'boxes' | 'messages' | 'rounds' | 'warm' | 'workers' | 'store', string>
> & { readonly filter: boolean; readonly only?: string | undefined }

function wishOf(values: Values) {
  return {
    filter: values.filter,
    sessions: list(values.sessions, countOf('--sessions', 1, 20_000)),
    sizes: list(values.size, sizeOf),
    boxes: list(values.boxes, countOf('--boxes', 1, BOXES)),
    messages: countOf('--messages', 1, 1_000_000)(values.messages),
    rounds: countOf('--rounds', 1, 1000)(values.rounds),
    warm: countOf('--warm', 0, 1000)(values.warm),
    workers: countOf('--workers', 1, 64)(values.workers),
    store: oneOf('--store', DOVECOT_STORES)(values.store),
    only: values.only === undefined ? undefined : oneOf('--only', ['posthouse'])(values.only),
  }
}

type Wish = ReturnType<typeof wishOf>

async function all(servers: readonly MailServer[], wish: Wish, folder: string): Promise<readonly CaseTurns[]> {
  const results: CaseTurns[] = []
  for (const size of wish.sizes) {
    const file = messageFile(folder, size)
    for (const boxes of wish.boxes)
      for (const sessions of wish.sessions) {
        const order = { boxes, sessions, size, messages: wish.messages, file }
        for (const server of servers) await warmUp(server, order, wish.warm)
        const turns = await measured(servers, order, wish.rounds)
        const result = { filter: wish.filter, boxes, sessions, size, turns }
        process.stdout.write(linesOf(result))
        results.push(result)
      }
  }
  return results
}

/** Until its CPU stands still: servers run for weeks, and a fresh Node process compiles for a minute what is used often. */
async function warmUp(server: MailServer, order: TurnOrder, most: number): Promise<void> {
  let [best, since] = [Number.POSITIVE_INFINITY, 0]
  for (let at = 0; at < most && since < 2; at++) {
    const { cpu } = await turnOf(server, order)
    since = cpu < best * STEADY ? 0 : since + 1
    best = Math.min(best, cpu)
    say(` ${server.name} warms up: CPU ${figure(cpu)} ms\n`)
  }
}

async function measured(
  servers: readonly MailServer[],
  order: TurnOrder,
  rounds: number,
): Promise<ReadonlyMap<string, readonly MailTurn[]>> {
  const turns = new Map<string, MailTurn[]>(servers.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++)
    for (const server of servers) {
      const turn = await turnOf(server, order)
      say(` ${server.name} ${figure((turn.messages * 1000) / (turn.readableMs ?? turn.acceptedMs))}/s`)
      turns.get(server.name)!.push(turn)
    }
  say('\n')
  return turns
}

/** Lines end with LF: smtp-source makes CRLF of them and stuffs dots. */
function messageFile(folder: string, size: number): string {
  const messages = new Messages(size, 'peers')
  const path = join(folder, `message-${size}`)
  const text = messages.head(1) + messages.tail(1).toString('latin1')
  writeFileSync(path, text.slice(0, -'.\r\n'.length).replaceAll('\r\n', '\n'))
  return path
}

runToTheEnd(main)
