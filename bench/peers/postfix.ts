/**
 * Postfix as a relay or before mailboxes, beside the system's own: its configuration, queue and port are the bench's and end with it. What is set stands in
 * `mainCf` with its reason, so that its friends can say whether it is fair.
 */
import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { answers } from '../../test/harness/ports.js'
import { masterCf } from '../../test/harness/postfix.js'
import { program } from '../../test/harness/shared.js'
import { FlushCounter } from '../lib/flush.js'
import { readStat } from '../lib/usage.js'

export interface PostfixOptions {
  /** Told how it ends as soon as there is something to end: it may be interrupted while it starts. */
  readonly spawned: (stop: () => Promise<void>) => void
  /** Must exist and let the user `postfix` through. */
  readonly folder: string
  readonly port: number
  /** Relays to it. */
  readonly sinkPort?: number
  /** Mailboxes behind an LMTP server. */
  readonly local?: LocalMail
  readonly flushLibrary?: string | undefined
}

export interface LocalMail {
  readonly domain: string
  /** All of them; others are refused. */
  readonly users: readonly string[]
  readonly lmtpPort: number
  /** A filter that is asked about each message. */
  readonly milterPort?: number | undefined
}

export interface Postfix {
  /** Process group of its master and of all that it starts. */
  readonly group: number
  readonly flushes: FlushCounter | undefined
}

/** Why there can be none here, or nothing. */
export function noPostfix(): string | undefined {
  if (program('postfix') === undefined) return 'Postfix is not here (Debian: apt install postfix)'
  return process.getuid?.() === 0 ? undefined : 'Postfix starts for root only'
}

export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const [config, queue, data] = ['etc', 'queue', 'data'].map(name => join(options.folder, name)) as [
    string,
    string,
    string,
  ]
  for (const folder of [config, queue, data]) mkdirSync(folder)
  const flushes = counter(options)
  writeFileSync(join(config, 'main.cf'), mainCf(options, { queue, data, config }, flushes?.env ?? {}))
  writeFileSync(join(config, 'master.cf'), `${masterCf(options.port, true)}lmtp unix - - n - - lmtp\n`)
  writeFileSync(join(config, 'users'), (options.local?.users ?? []).map(user => `${user} x\n`).join(''))
  await run('chown', ['postfix', data])
  const postfix = program('postfix')!
  const started = run(postfix, ['-c', config, 'start'])
  const stop = async (): Promise<void> => {
    // Cut off in the middle it may have left its master behind, or none.
    const whole = await started.then(
      () => true,
      () => false,
    )
    const stopped = run(postfix, ['-c', config, 'stop'])
    await (whole ? stopped : stopped.catch(() => undefined))
  }
  options.spawned(stop)
  await started
  for (let tries = 0; !(await answers(options.port)); tries++) {
    if (tries === 200)
      throw new Error(`Postfix does not answer:\n${readFileSync(join(options.folder, 'log'), 'utf8').slice(-2000)}`)
    await sleep(50)
  }
  const master = Number(readFileSync(join(queue, 'pid/master.pid'), 'latin1'))
  const { group } = readStat(readFileSync(`/proc/${master}/stat`, 'latin1'))
  return { group, flushes }
}

/** Its processes run as `postfix` and write into the counter's file. */
function counter({ folder, flushLibrary }: PostfixOptions): FlushCounter | undefined {
  if (flushLibrary === undefined) return undefined
  const file = join(folder, 'flushes')
  const flushes = new FlushCounter(flushLibrary, file)
  chmodSync(file, 0o666)
  return flushes
}

function mainCf(
  { folder, sinkPort, local }: PostfixOptions,
  { queue, data, config }: Readonly<Record<'queue' | 'data' | 'config', string>>,
  env: Readonly<Record<string, string>>,
): string {
  const set = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  return `compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${data}
mail_owner = postfix
setgid_group = postdrop
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C ${set.join(' ')}
maillog_file = ${folder}/log
maillog_file_prefixes = ${folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.bench.test
mydestination =
alias_maps =
alias_database =
# Nobody asks the name service.
disable_dns_lookups = yes
${local === undefined ? relaying(sinkPort!) : delivering(local, config)}smtpd_peername_lookup = no
# Nothing holds it back: no pause when mail comes faster than it goes, a process for each of the sessions, no limits of clients.
in_flow_delay = 0
default_process_limit = 200
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
`
}

/** For loopback and for nobody else, to one host. */
function relaying(port: number): string {
  return `mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:${port}
`
}

/** For the mailboxes there are and for nobody else, all of them at one LMTP server. */
function delivering({ domain, lmtpPort, milterPort }: LocalMail, config: string): string {
  const milter = `smtpd_milters = inet:127.0.0.1:${milterPort}\nmilter_default_action = tempfail\n`
  return `mynetworks =
smtpd_relay_restrictions = reject_unauth_destination
virtual_mailbox_domains = ${domain}
virtual_mailbox_maps = texthash:${config}/users
virtual_transport = lmtp:inet:127.0.0.1:${lmtpPort}
${milterPort === undefined ? '' : milter}`
}

function run(name: string, args: readonly string[]): Promise<void> {
  return new Promise((done, fail) => {
    execFile(name, args, { timeout: 30_000 }, (error, stdout, stderr) => {
      if (error === null) done()
      else fail(new Error(`${name} ${args.join(' ')}: ${stdout}${stderr}${error.message}`))
    })
  })
}
