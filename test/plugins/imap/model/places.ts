/** Where the model plays: servers in this process on one store or on two handles of one, each a listener of its own. */
import { randomUUID } from 'node:crypto'
import type { Store } from 'posthouse/api'
import { createLmdbStore } from '../../../../plugins/store-lmdb/store.js'
import { createMemoryStore } from '../../../../plugins/store-memory/store.js'
import { acceptance, filing } from '../../../contracts/backend.js'
import { freshPath } from '../../store-lmdb/backend.js'
import { type Rig, startRig } from '../rig.js'
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
