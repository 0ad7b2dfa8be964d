/**
 * Rspamd with a configuration of its own in a temporary folder: its shipped rules, one worker, unix sockets, no name service and none of the modules
 * that live by it (they would give points for its silence), Bayes in SQLite.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { ends } from '../../lib/ends.js'
import { readStat } from '../../lib/usage.js'
import { programPath } from './installed.js'
import type { Opinion, Peer, PeerKind, Sample } from './peer.js'

/** They ask the network, keep state in Redis, or delay. */
export const WITHOUT =
  'rbl spf dkim dkim_signing arc dmarc asn mx_check fuzzy_check rspamd_update greylist ratelimit replies history_redis neural url_redirector p0f reputation external_services antivirus clickhouse elastic dcc bimi aws_s3 milter_headers'
/** `add header` in its actions.conf: from there on it is treated as spam. */
const SPAM_ACTIONS = new Set(['add header', 'rewrite subject', 'reject', 'soft reject'])
const START_MS = 240_000

export const rspamd: PeerKind = {
  name: 'Rspamd',
  learnsOnly: false,
  missing: () => (programPath('rspamd') === undefined ? 'apt install rspamd' : undefined),
  async start(folder, taught) {
    writeConfig(folder, taught)
    const variables = { LOCAL_CONFDIR: folder, DBDIR: folder, RUNDIR: folder, LOGDIR: folder }
    const args = Object.entries(variables).flatMap(([name, value]) => ['--var', `${name}=${value}`])
    const child = spawn('rspamd', ['-f', '-i', '-c', join(folder, 'rspamd.conf'), ...args], {
      stdio: 'ignore',
      detached: true,
    })
    const daemon = new Daemon(folder, child, taught)
    ends.push(() => daemon.end())
    await daemon.ready()
    return daemon
  },
}

class Daemon implements Peer {
  readonly name: string
  readonly #folder: string
  readonly #child: ChildProcess
  readonly #agent = new Agent({ keepAlive: true })

  constructor(folder: string, child: ChildProcess, taught: boolean) {
    this.name = taught ? 'Rspamd offline, Bayes' : 'Rspamd offline'
    this.#folder = folder
    this.#child = child
  }

  async ready(): Promise<void> {
    const until = Date.now() + START_MS
    for (;;) {
      const pong = await this.#send('normal', '/ping', undefined).catch(() => undefined)
      if (pong !== undefined) return
      if (Date.now() > until || this.#child.exitCode !== null) {
        throw new Error(`Rspamd did not start:\n${readFileSync(join(this.#folder, 'rspamd.log'), 'utf8').slice(-2000)}`)
      }
      await new Promise(resolve => setTimeout(resolve, 200))
    }
  }

  async teach(samples: readonly Sample[]): Promise<void> {
    for (const { label, octets } of samples) {
      // What it will not learn (as it is sure of it already) it answers with 204 and a body, which a reader of HTTP takes for a broken connection.
      await this.#send('controller', `/learn${label}`, octets).catch(error => {
        if ((error as NodeJS.ErrnoException).code !== 'HPE_CLOSED_CONNECTION') throw error
      })
    }
  }

  async ask(samples: readonly Sample[]) {
    const before = this.#cpuMs()
    const opinions: Opinion[] = []
    const times: number[] = []
    for (const { octets } of samples) {
      const began = performance.now()
      const answer = JSON.parse(await this.#send('normal', '/checkv2', octets)) as { score: number; action: string }
      times.push(performance.now() - began)
      opinions.push({ score: answer.score, spam: SPAM_ACTIONS.has(answer.action) })
    }
    return { opinions, times, cpuMs: this.#cpuMs() - before }
  }

  async end(): Promise<void> {
    this.#agent.destroy()
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.kill('SIGTERM')
    await gone
  }

  /** The processes of its group: those that judge are children of the first. */
  #cpuMs(): number {
    const group = this.#child.pid!
    let total = 0
    for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
      try {
        const stat = readStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
        if (stat.group === group) total += stat.cpuMs
      } catch {
        // It has ended meanwhile.
      }
    }
    return total
  }

  #send(worker: string, path: string, body: Buffer | undefined): Promise<string> {
    return new Promise((resolve, reject) => {
      const socketPath = join(this.#folder, `${worker}.sock`)
      const asked = request(
        { socketPath, path, method: body === undefined ? 'GET' : 'POST', agent: this.#agent },
        answer => {
          const parts: Buffer[] = []
          answer.on('data', part => parts.push(part))
          answer.on('end', () => resolve(Buffer.concat(parts).toString()))
          answer.on('error', reject)
        },
      )
      asked.on('error', reject)
      asked.end(body)
    })
  }
}

function writeConfig(folder: string, taught: boolean): void {
  const local = join(folder, 'local.d')
  mkdirSync(local, { recursive: true })
  mkdirSync(join(folder, 'override.d'))
  for (const name of WITHOUT.split(' ')) writeFileSync(join(local, `${name}.conf`), 'enabled = false;\n')
  writeFileSync(
    join(local, 'options.inc'),
    'filters = "chartable,regexp";\ndns { nameserver = ["127.0.0.1:1"]; timeout = 0.01; retransmits = 1; }\n',
  )
  writeFileSync(join(local, 'logging.inc'), 'level = "error";\n')
  const socket = (worker: string) => `bind_socket = "${join(folder, `${worker}.sock`)} mode=0600"; count = 1;\n`
  writeFileSync(join(local, 'worker-normal.inc'), `${socket('normal')}task_timeout = 60s;\n`)
  writeFileSync(join(local, 'worker-controller.inc'), socket('controller'))
  writeFileSync(
    join(local, 'classifier-bayes.conf'),
    taught
      ? `backend = "sqlite3"; languages_enabled = true;
cache { type = "sqlite3"; path = "${folder}/learnt.sqlite"; }
statfile { symbol = "BAYES_HAM"; path = "${folder}/ham.sqlite"; spam = false; }
statfile { symbol = "BAYES_SPAM"; path = "${folder}/spam.sqlite"; spam = true; }
`
      : 'enabled = false;\n',
  )
  writeFileSync(
    join(folder, 'rspamd.conf'),
    `.include "$CONFDIR/common.conf"
options { pidfile = "$RUNDIR/rspamd.pid"; .include "$CONFDIR/options.inc"
  .include(try=true; priority=1,duplicate=merge) "$LOCAL_CONFDIR/local.d/options.inc" }
logging { type = "file"; filename = "$LOGDIR/rspamd.log"; .include "$CONFDIR/logging.inc"
  .include(try=true; priority=1,duplicate=merge) "$LOCAL_CONFDIR/local.d/logging.inc" }
worker "normal" { .include "$LOCAL_CONFDIR/local.d/worker-normal.inc" }
worker "controller" { .include "$LOCAL_CONFDIR/local.d/worker-controller.inc" }
`,
  )
}
