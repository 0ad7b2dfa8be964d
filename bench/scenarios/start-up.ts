/**
 * start-up: from the start of the program to the first greeting of SMTP (`full`), or until the first mail is accepted (`mail`: 250 after the dot), as
 * shipped, with a thousand mailboxes and a hundred thousand recipients in the queue, by a server that has run before.
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
/** Twice what a worker waits after its start. */
const KEEPING_MS = 10_000
const USER = 'first@bench.test'

/** What is said, each word after a good reply; a start is over with the reply to the last. */
type Talk = readonly string[]

const TALKS: Readonly<Record<string, Talk>> = {
  full: [],
  mail: [
    'EHLO bench.test\r\n',
    'MAIL FROM:<sender@source.test>\r\n',
    `RCPT TO:<${USER}>\r\n`,
    'DATA\r\n',
    `From: sender@source.test\r\nTo: ${USER}\r\nSubject: first\r\n\r\nThe first mail.\r\n.\r\n`,
  ],
}

export const startUp: Scenario = {
  name: 'start-up',
  cold: true,
  rounds: () => 5,
  asks: `How long from the start to the first greeting, or the first mail accepted, with ${MAILBOXES} mailboxes and ${RECIPIENTS} queued recipients? The reference: with none`,
  variants: ['full', 'mail'],
  usual: ['full', 'mail'].map(variant => ({ variant, sessions: 1, size: 0 })),
  async open(variant, _cases, setting): Promise<Stage> {
    const options: PosthouseOptions = {
      ...setting.serverOptions,
      flushLibrary: undefined,
      users: [[USER, 'bench secret']],
    }
    const [full, empty] = [await Posthouse.prepare(options), await Posthouse.prepare(options)]
    const filler = setting.keep(new Part<FillerQuestions>('filler'), part => part.end())
    await filler.ask({ folder: join(full.folder, 'data'), mailboxes: MAILBOXES, recipients: RECIPIENTS })
    await Promise.all([full, empty].map(site => startOnce(site, options, setting)))
    return {
      ours: starter(full, options, setting, TALKS[variant]!),
      reference: starter(empty, options, setting, TALKS[variant]!),
      probe: async () => ({ kind: 'no writes', why: 'nothing is acknowledged' }),
    }
  },
}

/** A server that has never run has kept nothing of what it read and compiled; what is asked is how long a restart takes. */
async function startOnce(site: Site, options: PosthouseOptions, setting: Setting): Promise<void> {
  const server = Posthouse.spawn(site, { ...options, spawned: one => setting.keep(one, it => it.stop()) })
  await answered(server, [], performance.now() + START_MS)
  await sleep(KEEPING_MS)
  await server.stop()
}

function starter(site: Site, options: PosthouseOptions, setting: Setting, talk: Talk): Side {
  return {
    group: 0,
    async drive() {
      const beganMs = performance.now()
      const server = Posthouse.spawn(site, { ...options, spawned: one => setting.keep(one, it => it.stop()) })
      try {
        await answered(server, talk, beganMs + START_MS)
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

async function answered(server: Posthouse, talk: Talk, untilMs: number): Promise<void> {
  while (!(await goesWell(server.ports.mx, talk))) {
    if (server.ended || performance.now() > untilMs) throw new Error(`the server does not answer:\n${server.logEnd()}`)
    await sleep(LOOK_EVERY_MS)
  }
}

/** Whether there was a greeting, and a good reply to every word. */
function goesWell(port: number, talk: Talk): Promise<boolean> {
  return new Promise(done => {
    const words = [...talk]
    let heard = ''
    const socket = connect(port, '127.0.0.1')
    socket.on('data', octets => {
      heard += octets.toString('latin1')
      if (!/^\d\d\d .*\r\n$/m.test(heard)) return
      const good = /^[23]/.test(heard)
      heard = ''
      const word = good ? words.shift() : undefined
      if (word !== undefined) {
        socket.write(word)
        return
      }
      socket.destroy()
      done(good)
    })
    socket.once('error', () => done(false))
    socket.once('close', () => done(false))
  })
}
