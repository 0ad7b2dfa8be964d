/** What a scenario of IMAP is: a question, its cases, and how a server is driven in one turn. */
import { ImapSession } from '../../lib/imap-client.js'
import { addressOf, type ImapPeer, PASSWORD } from './peer.js'

export interface ImapWish {
  readonly seconds: number
  readonly sessions: readonly number[]
  readonly sizes: readonly number[]
  /** In the large mailbox. */
  readonly messages: number
  /** Silent connections. */
  readonly idle: number
}

/** What one turn brought. */
export interface Drive {
  /** Commands, or messages where the unit says so. */
  readonly count: number
  readonly elapsedMs: number
  /** Of each command. */
  readonly latencies: readonly number[]
  /** Octets for each connection. */
  readonly bytesEach?: number
  /** By name of command. */
  readonly commands?: Readonly<Record<string, number>>
  readonly errors: readonly string[]
}

export interface ImapCase {
  readonly name: string
  /** Turns that are not measured: so many at most, until the server's CPU for each stands still. */
  readonly warm?: number
  /** And not before so many: on a noisy machine CPU seems to stand still long before a server is compiled. */
  readonly warmCount?: number
  /** One turn only: what it asks is true once. */
  readonly once?: boolean
  turn(peer: ImapPeer, turn: number): Promise<Drive>
}

export interface ImapScenario {
  readonly name: string
  readonly asks: string
  /** Of what `count` is. */
  readonly unit: string
  /** The large mailbox has to be there. */
  readonly large?: boolean
  cases(wish: ImapWish): readonly ImapCase[]
}

export async function logIn(peer: ImapPeer, user: string): Promise<ImapSession> {
  const session = await ImapSession.open(peer.ports.imap)
  await session.run(`LOGIN "${addressOf(user)}" "${PASSWORD}"`)
  return session
}

/** One session that runs the same commands so often; the latencies are of the first one of each round, the others clear up behind it. */
export async function repeated(
  session: ImapSession,
  times: number,
  [command, ...others]: readonly [string, ...string[]],
  counted: number | undefined = undefined,
): Promise<Drive> {
  const latencies: number[] = []
  const errors: string[] = []
  let count = 0
  for (let at = 0; at < times; at++) {
    const began = performance.now()
    const { fetched } = await session.run(command)
    latencies.push(performance.now() - began)
    if (counted !== undefined && fetched !== counted) errors.push(`${fetched} of ${counted} messages came`)
    count += counted ?? 1
    for (const other of others) await session.run(other)
  }
  return { count, elapsedMs: latencies.reduce((sum, one) => sum + one, 0), latencies, errors }
}

/** Sessions side by side, each with work of its own, for so long. */
export async function together(
  count: number,
  seconds: number,
  work: (at: number, over: () => boolean, done: (ms: number) => void) => Promise<void>,
): Promise<Drive> {
  const latencies: number[] = []
  const errors: string[] = []
  const began = performance.now()
  let last = began
  const over = () => performance.now() - began > seconds * 1000
  const done = (ms: number) => {
    latencies.push(ms)
    last = performance.now()
  }
  const all = Array.from({ length: count }, (_, at) =>
    work(at, over, done).catch((error: Error) => void errors.push(error.message)),
  )
  await Promise.all(all)
  return { count: latencies.length, elapsedMs: last - began, latencies, errors: errors.slice(0, 5) }
}
