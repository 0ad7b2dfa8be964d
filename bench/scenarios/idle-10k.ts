/**
 * idle-10k: thousands of clients that keep silent on one worker: by SMTP when they have greeted, by IMAP when they have logged in, selected INBOX and idle. A
 * "message" is one such connection; what counts is what each costs in memory while it waits: more than the bound is an error. As many as the limit of open
 * files allows, and on loopback only. The reference is a bare socket server, and only for SMTP.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Crowd, mostConnections, type Script } from '../lib/crowd.js'
import type { Case, Load } from '../lib/figures.js'
import { Posthouse } from '../lib/posthouse.js'
import type { Scenario, Setting, Side, Stage } from '../lib/scenario.js'
import { startReference } from '../lib/smtp-stage.js'
import { readUsage } from '../lib/usage.js'

const CONNECTIONS = 10_000
const KB = 1024
/** A session of IMAP holds the list of its mailbox and what it has told the client. */
const MOST_BYTES = { smtp: 16 * KB, imap: 32 * KB } as const
/** Before memory is looked at: what opening left behind may be collected. */
const REST_MS = 1500
const USERS = 20
const PASSWORD = 'bench-secret'
/**
 * Clients that come and go before memory is looked at: what a server sets aside as soon as it is used (V8's young generation grows by turns of 16 MB, modules are
 * read when they are first needed) is no connection's, and by the size of the crowd of CI it would be 10 KB of each.
 */
const PASSERS_BY = { turns: 60, atOnce: 25 } as const
/** Logging in costs more than greeting. */
const LOGINS_AT_ONCE = 40

const GREET: Script = [
  [/^220 /, 'EHLO bench.test\r\n'],
  [/^250 .*\r\n$/m, undefined],
]
const idleAs = (user: number): Script => [
  [/^\* OK/, `a LOGIN user${user}@bench.test ${PASSWORD}\r\n`],
  [/^a OK/m, 'a SELECT INBOX\r\n'],
  [/^a OK/m, 'a IDLE\r\n'],
  [/^\+/m, undefined],
]

export const idle10k: Scenario = {
  name: 'idle-10k',
  onRequest: true,
  cold: true,
  rounds: () => 1,
  asks: 'What does a silent connection cost, with ten thousand of them on one worker (SMTP at most 16 KB each, IMAP IDLE 32 KB)?',
  variants: ['smtp', 'imap'],
  usual: [
    { variant: 'smtp', sessions: CONNECTIONS, size: 0 },
    { variant: 'imap', sessions: CONNECTIONS, size: 0 },
  ],
  async open(variant, _cases, setting): Promise<Stage> {
    const posthouse = await start(setting)
    const { group, ports } = posthouse
    const probe: Stage['probe'] = async () => ({ kind: 'no writes', why: 'nothing is written' })
    if (variant === 'imap') {
      const open = (): Crowd => new Crowd(ports.imap, at => idleAs(at % USERS), LOGINS_AT_ONCE)
      return { ours: { group, drive: holder(group, open, MOST_BYTES.imap) }, probe }
    }
    const reference = await startReference(setting, { kind: 'file', folder: join(setting.folder, 'reference') })
    const crowdAt = (port: number) => (): Crowd => new Crowd(port, () => GREET)
    return {
      ours: { group, drive: holder(group, crowdAt(ports.mx), MOST_BYTES.smtp) },
      reference: {
        group: reference.group,
        drive: holder(reference.group, crowdAt(reference.ports[0]!), Number.POSITIVE_INFINITY),
      },
      probe,
    }
  },
}

function start(setting: Setting): Promise<Posthouse> {
  const most = CONNECTIONS * 2
  return Posthouse.start({
    ...setting.serverOptions,
    workers: 1,
    flushLibrary: undefined,
    users: Array.from({ length: USERS }, (_, n) => [`user${n}@bench.test`, PASSWORD] as const),
    server: {
      limits: { connections: most, connections_total: most, command_timeout: '10m' },
      log: { level: 'warn' },
    },
    plugins: { imap: { cleartext_auth: true } },
  })
}

/** Judged from a fifth of the connections to all of them, so that what the server needs anyway does not count. */
function holder(group: number, open: () => Crowd, mostBytes: number): Side['drive'] {
  return async ({ sessions }: Case): Promise<Load> => {
    const count = mostConnections(sessions)
    await passBy(open)
    const crowd = open()
    try {
      const first = Math.floor(count / 5)
      await crowd.growTo(first)
      const some = await memory(group)
      await crowd.growTo(count)
      const bytesEach = ((await memory(group)) - some) / (count - first)
      const { latencies, elapsedMs, errors } = crowd
      return {
        messages: count,
        bytes: 0,
        elapsedMs,
        latencies: Float64Array.from(latencies),
        bytesEach,
        errors: [...errors, ...judge(bytesEach, mostBytes)],
      }
    } finally {
      await crowd.leave()
    }
  }
}

async function passBy(open: () => Crowd): Promise<void> {
  for (let turn = 0; turn < PASSERS_BY.turns; turn++) {
    const crowd = open()
    await crowd.growTo(PASSERS_BY.atOnce)
    await crowd.leave()
  }
}

async function memory(group: number): Promise<number> {
  await sleep(REST_MS)
  return readUsage(group)?.anonymousBytes ?? Number.NaN
}

function judge(bytesEach: number, mostBytes: number): readonly string[] {
  return bytesEach > mostBytes ? [`a silent connection costs ${(bytesEach / KB).toFixed(1)} KB`] : []
}
