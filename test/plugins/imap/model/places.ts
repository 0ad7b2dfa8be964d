/** Where the model plays: servers in this process on one store or on two handles of one, each a listener of its own; or a whole server with two workers. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from 'posthouse/api'
import { createLmdbStore } from '../../../../plugins/store-lmdb/store.js'
import { createMemoryStore } from '../../../../plugins/store-memory/store.js'
import { acceptance, filing } from '../../../contracts/backend.js'
import { Instance } from '../../../harness/instance.js'
import { freshPath } from '../../store-lmdb/backend.js'
import { Client, type Rig, startRig } from '../rig.js'
import type { Place } from './world.js'

async function placeOf(stores: readonly Store[]): Promise<Place> {
  const rigs: Rig[] = []
  for (const store of stores) rigs.push(await startRig({ store }))
  return {
    connect: player => rigs[player % rigs.length]!.client('ann'),
    async deliver(mailbox, by) {
      const filings = [filing('id-ann', mailbox, { flags: by % 3 === 0 ? ['$Junk'] : [] })]
      await stores[by % stores.length]!.accept(acceptance(randomUUID(), { filings }))
    },
    async end() {
      for (const rig of rigs) await rig.end()
    },
  }
}

export function inMemory(): Promise<Place> {
  return placeOf([createMemoryStore()])
}

/** Neither handle hears of the other but by looking. */
export function onTwoHandles(): Promise<Place> {
  const path = freshPath()
  return placeOf([createLmdbStore({ path }), createLmdbStore({ path })])
}

/** A whole server with two workers, which players come to in turn; each game finds it as if it were new. */
export async function onWorkers(): Promise<{ make(): Promise<Place>; stop(): Promise<unknown> }> {
  const instance = await Instance.make({
    server: { workers: 2 },
    users: [['ann', 'secret']],
    plugins: { imap: { cleartext_auth: true } },
  })
  await instance.start()
  const [, ...workers] = await instance.pids()
  let turn: Promise<unknown> = Promise.resolve()
  const connect = (player: number) => {
    const next = turn.then(() => connectTo(instance.ports.imap, workers[(player + 1) % workers.length]!))
    turn = next.catch(() => undefined)
    return next
  }
  const make = async (): Promise<Place> => {
    const cleaner = await connect(0)
    for (const name of ['A/C', 'A', 'B']) await cleaner.command(`DELETE ${name}`)
    for (const command of ['SELECT INBOX', 'STORE 1:* +FLAGS.SILENT (\\Deleted)', 'CLOSE']) await cleaner.ok(command)
    let turn = Promise.resolve('')
    return {
      connect,
      async deliver(mailbox) {
        // One connection, so one after the other.
        turn = turn.then(() => cleaner.append(mailbox, 'Subject: x\r\n\r\nx\r\n'))
        await turn
      },
      end: async () => cleaner.close(),
    }
  }
  return { make, stop: () => instance.stop() }
}

/**
 * To any but the worker `not`, which sleeps for a moment: who is awake takes the connection. Not for longer, as it may have the store's lock; if the
 * other is slower than that, the player is where it should not be, and nothing is lost.
 */
async function connectTo(port: number, not: number): Promise<Client> {
  process.kill(not, 'SIGSTOP')
  const connecting = Client.connect(port)
  await Promise.race([connecting, sleep(500)])
  process.kill(not, 'SIGCONT')
  const client = await connecting
  await client.ok('LOGIN ann@example.test secret', 60_000)
  return client
}
