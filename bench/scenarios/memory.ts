/**
 * memory: what many clients cost at once. `large` is a thousand sessions that send messages of 1 MB each as fast as they can; `slow` a thousand that have
 * begun such a message and then send a few octets a second. Memory is the anonymous part of all processes of the server, at its highest: pages of the
 * store that are mapped belong to the file (`peak MB` of the table has them too). More than the bound is an error.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Crowd, mostConnections, type Script } from '../lib/crowd.js'
import type { Case, Load } from '../lib/figures.js'
import { Posthouse } from '../lib/posthouse.js'
import { peakAnonymous } from '../lib/samples.js'
import { CONTENT_FILTER, type Scenario, type Setting, type Stage } from '../lib/scenario.js'
import { probeDurability, type Source, startSource } from '../lib/smtp-stage.js'
import { readUsage } from '../lib/usage.js'

const KB = 1024
const MB = 1024 * KB
const SESSIONS = 1000
const MOST_BYTES = 512 * MB
/** Of a message under way 64 KB are kept in memory, beside what a silent connection costs. */
const MOST_EACH = 80 * KB
/** Sent by each slow client before it slows down. */
const BEGUN = 32 * KB
const DRIP = Buffer.from('a few octets more\r\n')
const DRIPS = 10
const DRIP_EVERY_MS = 500
const REST_MS = 1500
const USERS = Array.from({ length: 20 }, (_, n) => `user${n}@bench.test`)

export const memory: Scenario = {
  name: 'memory',
  onRequest: true,
  cold: true,
  rounds: () => 1,
  asks: 'What memory do a thousand sessions take that send 1 MB each (at most 512 MB), or send it slowly (at most 80 KB each)?',
  variants: ['large', 'slow'],
  usual: [
    { variant: 'large', sessions: SESSIONS, size: MB },
    { variant: 'slow', sessions: SESSIONS, size: MB },
  ],
  async open(variant, _cases, setting): Promise<Stage> {
    const source = startSource(setting)
    const posthouse = await start(setting)
    const { group, flushes, ports } = posthouse
    return {
      ours: { group, flushes, drive: variant === 'large' ? large(posthouse, source) : slow(posthouse) },
      probe: () => probeDurability(setting, source, flushes, { port: ports.mx, recipients: USERS }),
    }
  },
}

function start(setting: Setting): Promise<Posthouse> {
  return Posthouse.start({
    ...setting.serverOptions,
    without: CONTENT_FILTER,
    users: USERS.map(login => [login, 'bench secret']),
    server: { limits: { connections: SESSIONS * 2, connections_total: SESSIONS * 2 } },
  })
}

/** Twice as many messages as sessions, whatever time they take: none of them shall be alone. */
function large({ group, ports }: Posthouse, source: Source): (one: Case) => Promise<Load> {
  return async ({ sessions, size }) => {
    const order = { port: ports.mx, sessions, size, recipients: USERS, seconds: 300, maxMessages: sessions * 2 }
    const { value, peakBytes } = await peakAnonymous(group, () => source.ask(order))
    const errors = peakBytes > MOST_BYTES ? [`${Math.round(peakBytes / MB)} MB of memory`] : []
    return { ...value, peakAnonymousBytes: peakBytes, errors: [...value.errors, ...errors] }
  }
}

function slow({ group, ports }: Posthouse): (one: Case) => Promise<Load> {
  const begun = `${'x'.repeat(70)}\r\n`.repeat(BEGUN / 72)
  const script: Script = [
    [/^220 /, 'EHLO bench.test\r\n'],
    [/^250 .*\r\n$/m, `MAIL FROM:<sender@source.test>\r\nRCPT TO:<${USERS[0]}>\r\nDATA\r\n`],
    [/^354 .*\r\n$/m, `Subject: slowly\r\n\r\n${begun}`],
  ]
  return async ({ sessions }) => {
    const count = mostConnections(sessions)
    const crowd = new Crowd(ports.mx, () => script)
    const before = readUsage(group)?.anonymousBytes ?? Number.NaN
    try {
      await crowd.growTo(count)
      for (let drip = 0; drip < DRIPS; drip++) {
        for (const socket of crowd.sockets) socket.write(DRIP)
        await sleep(DRIP_EVERY_MS)
      }
      await sleep(REST_MS)
      const bytesEach = ((readUsage(group)?.anonymousBytes ?? Number.NaN) - before) / count
      const errors = bytesEach > MOST_EACH ? [`a slow sender costs ${Math.round(bytesEach / KB)} KB`] : []
      const { latencies, elapsedMs } = crowd
      return {
        messages: count,
        bytes: count * BEGUN,
        elapsedMs,
        latencies: Float64Array.from(latencies),
        bytesEach,
        errors: [...crowd.errors, ...errors],
      }
    } finally {
      await crowd.leave()
    }
  }
}
