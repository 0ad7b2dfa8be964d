/**
 * The reading load: N IMAP sessions that run the same commands again and again for a time. A process of its own (see part.ts).
 * A latency is that of one whole turn through the commands; every turn must bring every message, or it is an error.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Load } from './figures.js'
import { ImapSession } from './imap-client.js'
import { servePart } from './part.js'

export interface ReaderOrder {
  readonly port: number
  readonly sessions: number
  readonly login: string
  readonly password: string
  /** Run once, after LOGIN. */
  readonly before: readonly string[]
  readonly commands: readonly string[]
  readonly seconds: number
  /** FETCH responses each turn must bring. */
  readonly messages: number
  /** Keeps the answers of one turn in this folder; nothing is measured. */
  readonly recordTo?: string
}

export interface ReaderQuestions {
  readonly ask: ReaderOrder
  /** `recordings`: command → file. */
  readonly answer: { readonly load: Load; readonly recordings: ReadonlyMap<string, string> }
}

async function run(order: ReaderOrder): Promise<ReaderQuestions['answer']> {
  if (order.recordTo !== undefined) return { load: loadOf([], 0, 0, 0, []), recordings: await record(order) }
  const sessions = await Promise.all(Array.from({ length: order.sessions }, () => login(order)))
  const latencies: number[] = []
  const errors: string[] = []
  const startMs = performance.now()
  const endMs = startMs + order.seconds * 1000
  const giveUp = setTimeout(
    () => {
      for (const session of sessions) session.close('no answer in time')
    },
    order.seconds * 1000 + 30_000,
  )
  let bytes = 0
  let lastMs = startMs
  const turns = async (session: ImapSession): Promise<void> => {
    while (performance.now() < endMs) {
      const turnMs = performance.now()
      bytes += await turn(session, order)
      lastMs = performance.now()
      latencies.push(lastMs - turnMs)
    }
  }
  await Promise.all(sessions.map(session => turns(session).catch(error => errors.push((error as Error).message))))
  clearTimeout(giveUp)
  for (const session of sessions) session.close()
  const load = loadOf(latencies, latencies.length * order.messages, bytes, lastMs - startMs, errors.slice(0, 5))
  return { load, recordings: new Map() }
}

function loadOf(
  latencies: readonly number[],
  messages: number,
  bytes: number,
  elapsedMs: number,
  errors: readonly string[],
): Load {
  return { messages, bytes, elapsedMs, latencies: Float64Array.from(latencies), errors }
}

async function login(order: ReaderOrder): Promise<ImapSession> {
  const session = await ImapSession.open(order.port)
  await session.run(`LOGIN "${order.login}" "${order.password}"`)
  for (const command of order.before) await session.run(command)
  return session
}

/** Resolves to the octets that came. */
async function turn(session: ImapSession, order: ReaderOrder): Promise<number> {
  let fetched = 0
  let bytes = 0
  for (const command of order.commands) {
    const answer = await session.run(command)
    fetched += answer.fetched
    bytes += answer.bytes
  }
  if (fetched !== order.messages) throw new Error(`${fetched} of ${order.messages} messages came`)
  return bytes
}

async function record(order: ReaderOrder): Promise<Map<string, string>> {
  const session = await login(order)
  const recordings = new Map<string, string>()
  for (const command of order.commands) {
    const { recorded } = await session.run(command, true)
    const path = join(order.recordTo!, `answer-${recordings.size}-${Date.now()}.txt`)
    await writeFile(path, recorded!)
    recordings.set(command, path)
  }
  session.close()
  return recordings
}

servePart<ReaderQuestions>(run)
