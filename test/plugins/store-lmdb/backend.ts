/** The LMDB backend for the contract suites: a file of its own for every test, in a folder that goes with the process. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLmdbState } from '../../../plugins/store-lmdb/state.js'
import { createLmdbStore } from '../../../plugins/store-lmdb/store.js'
import type { StateBackend, StoreBackend } from '../../contracts/backend.js'

const MAP_BYTES = 16 * 1024 ** 2
let opened = 0
let folder: string | undefined

/** A path nobody has used. */
export function freshPath(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'posthouse-store-'))
    process.on('exit', () => rmSync(made, { recursive: true, force: true }))
    folder = made
  }
  return join(folder, `${++opened}.lmdb`)
}

export const lmdbStore: StoreBackend = {
  name: 'lmdb',
  open: async (clock, warn) =>
    createLmdbStore({
      path: freshPath(),
      mapBytes: MAP_BYTES,
      now: clock.now,
      log: { warn: (_, sentence) => warn(sentence) },
    }),
}

export const lmdbState: StateBackend = {
  name: 'lmdb',
  open: async most =>
    createLmdbState({ path: freshPath(), mapBytes: MAP_BYTES, ...(most === undefined ? {} : { most }) }),
}
