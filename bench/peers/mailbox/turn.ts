/**
 * One turn of one server: Postfix's smtp-source sends a number of messages, and the turn is over when the last of them can be read by IMAP. Mail for twenty
 * mailboxes comes from twenty smtp-sources with a share of the sessions each, as one of them has one recipient.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { program } from '../../../test/harness/shared.js'
import { ImapSession } from '../../lib/imap-client.js'
import { readStat, readUsage, usageBetween } from '../../lib/usage.js'
import { addressOf, FAR, type MailServer, PASSWORD } from './servers.js'

export interface TurnOrder {
  readonly boxes: number
  readonly sessions: number
  readonly size: number
  readonly messages: number
  /** The message that is sent. */
  readonly file: string
}

export interface MailTurn {
  readonly messages: number
  readonly acceptedMs: number
  readonly readableMs?: number
  /** Milliseconds per message: of the server, and of the clients. */
  readonly cpu: number
  readonly others: number
  readonly peakBytes?: number
  readonly flushes?: number
}

const TURN_MS = 300_000
const LOOK_EVERY_MS = 50
/** What is still to be written belongs to the turn. */
const SETTLE_MS = 300

export async function turnOf(server: MailServer, order: TurnOrder): Promise<MailTurn> {
  const watched = server.imap === undefined ? undefined : await Watched.open(server.imap, order.boxes)
  const before = server.groups.map(readUsage)
  const flushesBefore = flushesOf(server)
  const othersBefore = ownCpu()
  const began = performance.now()
  await send(server, order)
  const acceptedMs = performance.now() - began
  await watched?.until(order.messages)
  const readableMs = watched === undefined ? undefined : performance.now() - began
  const others = (ownCpu() - othersBefore) / order.messages
  await sleep(SETTLE_MS)
  const used = server.groups.map((group, at) => usageBetween(before[at], readUsage(group)))
  const flushes = flushesOf(server)
  await watched?.empty()
  return {
    messages: order.messages,
    acceptedMs,
    ...(readableMs !== undefined && { readableMs }),
    cpu: used.reduce((sum, { cpuMs = Number.NaN }) => sum + cpuMs, 0) / order.messages,
    others,
    ...(flushes !== undefined &&
      flushesBefore !== undefined && { flushes: (flushes - flushesBefore) / order.messages }),
  }
}

function flushesOf({ flushes }: MailServer): number | undefined {
  return flushes.length === 0 ? undefined : flushes.reduce((sum, one) => sum + one.read().calls, 0)
}

/** Of this process and of the clients that have ended. */
function ownCpu(): number {
  return readStat(readFileSync('/proc/self/stat', 'latin1')).cpuMs
}

async function send(server: MailServer, { boxes, sessions, messages, file }: TurnOrder): Promise<void> {
  const queues = server.imap === undefined
  const clients = Array.from({ length: boxes }, (_, box) => {
    const share = (whole: number): number => Math.floor(whole / boxes) + (box < whole % boxes ? 1 : 0)
    const counts = ['-d', '-s', String(Math.max(1, share(sessions))), '-m', String(share(messages)), '-F', file]
    const to = queues ? `reader@${FAR}` : addressOf(box)
    return source([
      ...counts,
      '-M',
      'source.test',
      '-f',
      'sender@source.test',
      '-t',
      to,
      `inet:127.0.0.1:${server.smtp}`,
    ])
  })
  await Promise.all(clients)
}

function source(args: readonly string[]): Promise<void> {
  return new Promise((done, fail) => {
    execFile(program('smtp-source')!, args, { timeout: TURN_MS }, (error, _out, said) => {
      if (error === null) done()
      else fail(new Error(`smtp-source: ${said.slice(0, 300).trim() || error.message}`))
    })
  })
}

/** The mailboxes as their owners see them. */
class Watched {
  readonly #sessions: readonly ImapSession[]

  private constructor(sessions: readonly ImapSession[]) {
    this.#sessions = sessions
  }

  static async open(port: number, boxes: number): Promise<Watched> {
    const sessions = Array.from({ length: boxes }, async (_, box) => {
      const session = await ImapSession.open(port)
      await session.run(`LOGIN "${addressOf(box)}" "${PASSWORD}"`)
      return session
    })
    return new Watched(await Promise.all(sessions))
  }

  /** Mailboxes that are complete are not asked again. */
  async until(messages: number): Promise<void> {
    const until = performance.now() + TURN_MS
    const counts = new Map<ImapSession, number>()
    const all = (): number => [...counts.values()].reduce((sum, one) => sum + one, 0)
    const each = Math.floor(messages / this.#sessions.length)
    for (;;) {
      for (const session of this.#sessions)
        if ((counts.get(session) ?? 0) < each || all() < messages) counts.set(session, await countOf(session))
      if (all() >= messages) return
      if (performance.now() > until)
        throw new Error(`${all()} of ${messages} messages are readable after ${TURN_MS} ms`)
      await sleep(LOOK_EVERY_MS)
    }
  }

  /** For the next turn. */
  async empty(): Promise<void> {
    for (const session of this.#sessions) {
      await session.run('SELECT INBOX')
      if (session.messages > 0) {
        await session.run('STORE 1:* +FLAGS.SILENT (\\Deleted)')
        await session.run('EXPUNGE')
      }
      session.close()
    }
  }
}

async function countOf(session: ImapSession): Promise<number> {
  const { recorded } = await session.run('STATUS INBOX (MESSAGES)', true)
  return Number(/MESSAGES (\d+)/.exec(recorded!.toString('latin1'))?.[1] ?? 0)
}
