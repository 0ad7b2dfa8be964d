/** What a client costs in memory that has logged in, selected INBOX and idles: of all processes of the server, what is theirs and no file's. */
import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ImapSession } from '../../lib/imap-client.js'
import { readOwnMemory } from '../../lib/usage.js'
import { type ImapPeer, USERS } from './peer.js'
import { type Drive, type ImapScenario, logIn } from './scenario.js'

const AT_ONCE = 20
/** Before memory is looked at. */
const REST_MS = 2000
const OTHER_FILES = 500

export const idle: ImapScenario = {
  name: 'idle',
  asks: 'What memory does a connection take that has selected INBOX and idles? Shared pages are shared out (PSS), files do not count.',
  unit: 'connections',
  cases: ({ idle }) => [{ name: `${idle} connections`, once: true, turn: peer => crowd(peer, idle) }],
}

/** From a fifth of them to all, so that what the server needs anyway does not count. */
async function crowd(peer: ImapPeer, wanted: number): Promise<Drive> {
  const count = Math.min(wanted, Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' })) - OTHER_FILES)
  const sessions: ImapSession[] = []
  const latencies: number[] = []
  const began = performance.now()
  const growTo = async (most: number): Promise<number> => {
    let next = sessions.length
    const open = async () => {
      while (next < most) {
        const at = next++
        const before = performance.now()
        const session = await logIn(peer, `user${at % USERS}`)
        await session.run('SELECT INBOX')
        await session.attempt('IDLE', { continues: true })
        latencies.push(performance.now() - before)
        sessions.push(session)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, open))
    await sleep(REST_MS)
    return readOwnMemory(peer.group)
  }
  const first = Math.floor(count / 5)
  const some = await growTo(first)
  const all = await growTo(count)
  const elapsedMs = performance.now() - began
  for (const session of sessions) session.close()
  return { count, elapsedMs, latencies, errors: [], bytesEach: (all - some) / (count - first) }
}
