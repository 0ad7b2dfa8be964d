/**
 * Rspamd as Postfix's milter: its shipped rules and none of the modules that ask the network or keep state in Redis, as in bench/filter, judging within the proxy
 * (its documentation's advice for one machine), a process for each core.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { program } from '../../test/harness/shared.js'
import { WITHOUT } from '../filter/peers/rspamd.js'

const START_MS = 240_000

export interface RspamdOptions {
  /** Told how it ends as soon as there is something to end: it may be interrupted while it starts. */
  readonly spawned: (stop: () => Promise<void>) => void
  readonly folder: string
  readonly port: number
  readonly processes: number
}

export const ABOUT_RSPAMD =
  'Rspamd: Debian’s, as a milter that judges within its proxy, its shipped rules without those that ask the network or keep state in Redis, untaught'

export function noRspamd(): string | undefined {
  return program('rspamd') === undefined ? 'Rspamd is not here (Debian: apt install rspamd)' : undefined
}

export async function startRspamd(options: RspamdOptions): Promise<{ readonly group: number }> {
  const { folder } = options
  configure(options)
  const variables = { LOCAL_CONFDIR: folder, DBDIR: folder, RUNDIR: folder, LOGDIR: folder }
  const args = Object.entries(variables).flatMap(([name, value]) => ['--var', `${name}=${value}`])
  const child = spawn(program('rspamd')!, ['-f', '-i', '-c', join(folder, 'rspamd.conf'), ...args], {
    stdio: 'ignore',
    detached: true,
  })
  options.spawned(() => stop(child))
  const log = (): string => readFileSync(join(folder, 'rspamd.log'), 'utf8')
  // A milter says nothing first, so its log is asked: the rules are compiled when it serves.
  for (const until = Date.now() + START_MS; !isServing(options.port); await sleep(200))
    if (child.exitCode !== null || Date.now() > until) throw new Error(`Rspamd did not start:\n${log().slice(-2000)}`)
  return { group: child.pid! }
}

function isServing(port: number): boolean {
  const wanted = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return readFileSync('/proc/net/tcp', 'latin1').includes(`${wanted} 00000000:0000 0A`)
}

function configure({ folder, port, processes }: RspamdOptions): void {
  const local = join(folder, 'local.d')
  mkdirSync(local, { recursive: true })
  mkdirSync(join(folder, 'override.d'))
  for (const name of WITHOUT.split(' ')) writeFileSync(join(local, `${name}.conf`), 'enabled = false;\n')
  writeFileSync(join(local, 'classifier-bayes.conf'), 'enabled = false;\n')
  writeFileSync(
    join(local, 'options.inc'),
    'filters = "chartable,regexp";\ndns { nameserver = ["127.0.0.1:1"]; timeout = 0.01; retransmits = 1; }\n',
  )
  writeFileSync(
    join(folder, 'rspamd.conf'),
    `.include "$CONFDIR/common.conf"
options { pidfile = "$RUNDIR/rspamd.pid"; .include "$CONFDIR/options.inc"
  .include(try=true; priority=1,duplicate=merge) "$LOCAL_CONFDIR/local.d/options.inc" }
logging { type = "file"; filename = "$LOGDIR/rspamd.log"; level = "warning"; }
worker "rspamd_proxy" {
  bind_socket = "127.0.0.1:${port}"; count = ${processes}; milter = yes; timeout = 120s;
  upstream "local" { default = yes; self_scan = yes; }
}
`,
  )
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(done => child.once('exit', done))
  child.kill('SIGTERM')
  await ended
}
