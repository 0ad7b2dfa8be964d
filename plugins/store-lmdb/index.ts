/**
 * Plugin `store-lmdb`: queue, bodies, mailboxes and trail in one LMDB environment, and the plugins' state in a second one.
 * Durable: what a promise of the store has resolved for survives a killed process and, as far as the disk keeps its word, a power cut.
 */
import { dirname, join, resolve } from 'node:path'
import { definePlugin } from 'posthouse/api'
import { parseDuration, parseSize } from 'posthouse/text'
import { createLmdbState, type LmdbState } from './state.js'
import { stateCommands } from './state-commands.js'
import { createLmdbStore, type LmdbStore } from './store.js'

const SWEEP_EVERY_MS = 60 * 60 * 1000
/** Commands load plugins too, and are over by then. */
const FIRST_SWEEP_MS = 5_000
const LEAST_STATE_BYTES = 1024 ** 2

export default definePlugin({
  name: 'store-lmdb',
  summary: 'keeps queue, messages, mailboxes and trail in LMDB',
  config: {
    type: 'object',
    properties: {
      path: {
        type: 'string',
        minLength: 1,
        default: 'mail.lmdb',
        description:
          'File of the store, seen from the data directory. The state of plugins lies beside it in state.lmdb.',
      },
      map_size: {
        type: 'string',
        format: 'size',
        default: '1GB',
        description: 'Address space to start with. It is no limit and takes no disk: it grows with the data.',
      },
      state_size: {
        type: 'string',
        format: 'size',
        default: '256MB',
        description:
          'What the state of plugins may take; some hundred octets per counter. When it is full, what expires first goes first.',
      },
      trail_keep: {
        type: 'string',
        format: 'duration',
        default: '30d',
        description:
          'How long the decision record of a message is kept. Should be longer than mail may stay in the queue.',
      },
    },
    additionalProperties: false,
  },
  supplies: ['store', 'state'],
  setup({ config, server, clock, log, bus }) {
    const path = resolve(server.dataDir, config.path)
    const mapBytes = parseSize(config.map_size)!
    const store = createLmdbStore({ path, mapBytes, now: () => clock.now(), bus, log })
    const most = Math.max(parseSize(config.state_size)!, LEAST_STATE_BYTES)
    const state = createLmdbState({ path: join(dirname(path), 'state.lmdb'), mapBytes, most, log })
    const keepMs = parseDuration(config.trail_keep)!
    const stopSweeping = sweepHourly(
      () => sweep(store, state, clock.now(), keepMs),
      error => log.warn({ err: error }, 'sweeping the store failed, trying again later'),
    )
    return {
      services: { store, state },
      commands: stateCommands(state, () => clock.now()),
      async dispose() {
        await stopSweeping()
        await Promise.all([store.close(), state.close()])
      },
    }
  },
})

async function sweep(store: LmdbStore, state: LmdbState, now: number, keepMs: number): Promise<void> {
  await store.sweep(now, now - keepMs)
  await state.sweep(now)
}

/** Soon and then every hour. What it gives waits for a sweep that is under way. */
function sweepHourly(step: () => Promise<void>, failed: (error: unknown) => void): () => Promise<void> {
  let underWay = Promise.resolve()
  const sweep = (): void => {
    underWay = underWay.then(step).catch(failed)
    timer = setTimeout(sweep, SWEEP_EVERY_MS).unref()
  }
  let timer = setTimeout(sweep, FIRST_SWEEP_MS).unref()
  return async () => {
    clearTimeout(timer)
    await underWay
  }
}
