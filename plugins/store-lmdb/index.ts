/**
 * Plugin `store-lmdb`: queue, bodies, mailboxes and trail in one LMDB environment, the plugins' state in a second one, and their tables in
 * a third.
 * Durable: what a promise of the store has resolved for survives a killed process and, as far as the disk keeps its word, a power cut.
 */
import cluster from 'node:cluster'
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { definePlugin, type Log } from 'posthouse/api'
import { parseDuration, parseSize } from 'posthouse/text'
import { environmentAt, watchEnvironment } from './environments.js'
import { createLmdbState, type LmdbState } from './state.js'
import { stateCommands } from './state-commands.js'
import { createLmdbStore, type LmdbStore } from './store.js'
import { storeCommands } from './store-commands.js'
import { LmdbTables } from './tables.js'
import { Complaints } from './trouble.js'
import { verifyCommand } from './verify-command.js'

const SWEEP_EVERY_MS = 60 * 60 * 1000
/** Commands load plugins too, and are over by then. */
const FIRST_SWEEP_MS = 5_000
/** For an orderly end of a process whose store has failed it. */
const END_MS = 3_000
const LEAST_STATE_BYTES = 1024 ** 2
const LEAST_TRAIL_BYTES = 1024 ** 2

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
      trail_size: {
        type: 'string',
        format: 'size',
        default: '1GB',
        description:
          'What the decision records may take; some 2 KB per message. Beyond it the oldest go, however young.',
      },
    },
    additionalProperties: false,
  },
  supplies: ['store', 'state', 'tables'],
  setup({ config, server, services, clock, log, metrics, bus }) {
    const path = resolve(server.dataDir, config.path)
    const mapBytes = parseSize(config.map_size)!
    const keepMs = parseDuration(config.trail_keep)!
    const trail = { keepMs, maxBytes: Math.max(parseSize(config.trail_size)!, LEAST_TRAIL_BYTES) }
    const store = createLmdbStore({ path, mapBytes, now: () => clock.now(), bus, log, metrics, trail })
    const most = Math.max(parseSize(config.state_size)!, LEAST_STATE_BYTES)
    const statePath = join(dirname(path), 'state.lmdb')
    const state = createLmdbState({ path: statePath, mapBytes, most, log })
    const mind = (file: string) => mindDisk(file, log, () => clock.now())
    const unwatch = [path, statePath].map(mind)
    const tablesPath = join(dirname(path), 'tables.lmdb')
    const tables = new LmdbTables({ path: tablesPath, mapBytes, opened: file => void unwatch.push(mind(file)) })
    let stopSweeping: (() => Promise<void>) | undefined
    const startSweeping = () =>
      sweepHourly(
        () => sweep(store, state, clock.now(), keepMs),
        error => log.warn({ err: error }, 'sweeping the store failed, trying again later'),
      )
    const files = async () => {
      await stopSweeping?.()
      const known = existsSync(tablesPath) ? [tables.environment()] : []
      await Promise.all([store.close(), state.close(), tables.close()])
      return [...[path, statePath].map(environmentAt), ...known]
    }
    return {
      // A command may run beside a server, which sweeps.
      started() {
        stopSweeping = startSweeping()
      },
      services: { store, state, tables },
      commands: [
        ...stateCommands(state, () => clock.now()),
        ...storeCommands({ stats: () => store.stats(), files }),
        verifyCommand({
          store,
          clock,
          accounts: () => services.find('accounts'),
          words: () => services.find('word-index'),
        }),
      ],
      async dispose() {
        await stopSweeping?.()
        for (const stop of unwatch) stop()
        await Promise.all([store.close(), state.close(), tables.close()])
      },
    }
  },
})

/** An environment that cannot be used any more needs another process: the worker ends, and its supervisor starts a new one. */
function mindDisk(path: string, log: Log, now: () => number): () => void {
  const complaints = new Complaints(path, log, now)
  return watchEnvironment(path, {
    failed: error => complaints.failed(error),
    wrote: () => complaints.wrote(),
    broken: error => {
      log.error(
        { path, error },
        'a failed write has made the store unusable for this process, which ends to be replaced',
      )
      if (!cluster.isWorker) return
      process.kill(process.pid, 'SIGTERM')
      // open sessions cannot be served either
      setTimeout(() => process.exit(1), END_MS).unref()
    },
  })
}

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
