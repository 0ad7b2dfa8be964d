/**
 * start-up: from the start of the program to the first greeting of SMTP, as shipped, with a thousand mailboxes and a hundred thousand recipients in the queue.
 * The reference is the same server with nothing in it. A start is a "message", and a latency is one start; CPU is that of all its processes until then.
 */
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FillerQuestions } from '../lib/filler.js'
import { Part } from '../lib/part.js'
import { Posthouse, type PosthouseOptions, type Site } from '../lib/posthouse.js'
import type { Scenario, Setting, Side, Stage } from '../lib/scenario.js'
import { readUsage } from '../lib/usage.js'

const MAILBOXES = 1000
const RECIPIENTS = 100_000
const LOOK_EVERY_MS = 2
const START_MS = 120_000

export const startUp: Scenario = {
  name: 'start-up',
  cold: true,
  rounds: () => 5,
  asks: `How long from the start to the first greeting, with ${MAILBOXES} mailboxes and ${RECIPIENTS} queued recipients? The reference: with none`,
  variants: ['full'],
  usual: [{ variant: 'full', sessions: 1, size: 0 }],
  async open(_variant, _cases, setting): Promise<Stage> {
    const options: PosthouseOptions = {
      ...setting.serverOptions,
      flushLibrary: undefined,
      users: [['first@bench.test', 'bench secret']],
    }
    const [full, empty] = [await Posthouse.prepare(options), await Posthouse.prepare(options)]
    const filler = setting.keep(new Part<FillerQuestions>('filler'), part => part.end())
    await filler.ask({ folder: join(full.folder, 'data'), mailboxes: MAILBOXES, recipients: RECIPIENTS })
    return {
      ours: starter(full, options, setting),
      reference: starter(empty, options, setting),
      probe: async () => ({ kind: 'no writes', why: 'nothing is acknowledged' }),
    }
  },
}

function starter(site: Site, options: PosthouseOptions, setting: Setting): Side {
  return {
    group: 0,
    async drive() {
      const beganMs = performance.now()
      const server = Posthouse.spawn(site, { ...options, spawned: one => setting.keep(one, it => it.stop()) })
      try {
        await greeting(server, beganMs + START_MS)
        const ms = performance.now() - beganMs
        const used = readUsage(server.group)
        const usage =
          used === undefined
            ? {}
            : { cpuMs: used.cpuMs, peakBytes: used.peakBytes, anonymousBytes: used.anonymousBytes }
        return { messages: 1, bytes: 0, elapsedMs: ms, latencies: Float64Array.of(ms), usage, errors: [] }
      } finally {
        await server.stop()
      }
    },
  }
}

async function greeting(server: Posthouse, untilMs: number): Promise<void> {
  while (!(await greets(server.ports.mx))) {
    if (server.ended || performance.now() > untilMs) throw new Error(`the server does not greet:\n${server.logEnd()}`)
    await sleep(LOOK_EVERY_MS)
  }
}

function greets(port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = connect(port, '127.0.0.1')
    socket.once('data', octets => {
      socket.destroy()
      done(octets.toString('latin1').startsWith('220'))
    })
    socket.once('error', () => done(false))
    socket.once('close', () => done(false))
  })
}
