/** What all commands of the queue stand on: the queue itself, the rows that are meant, and who asks. */
import { hostname, userInfo } from 'node:os'
import {
  type Bus,
  CommandError,
  fieldIs,
  type Queue,
  type QueuedMessage,
  type QueueFilter,
  type Store,
} from '../../../api/index.js'
import type { Config } from '../../../config/types.js'
import type { AssembledForCommand, CliParts, OwnRun } from '../../command-base.js'
import type { Loaded } from '../../loaded.js'
import { withPlugins } from '../../open.js'
import type { QueueWords } from './filter.js'

export interface QueueAtHand {
  readonly store: Store
  readonly queue: Queue
  readonly config: Config
  readonly loaded: Loaded
  readonly assembled: AssembledForCommand
  /** To a server that runs. */
  readonly bus: Bus
}

/** `work` with the queue, beside a running server or without one. `routing`: it must know who takes which address. */
export function withQueue<T>(
  run: OwnRun,
  parts: CliParts,
  work: (at: QueueAtHand) => Promise<T>,
  { routing = false } = {},
): Promise<T> {
  const found = async (loaded: Loaded, config: Config, assembled: AssembledForCommand, bus: Bus) => {
    const store = loaded.services.find('store')
    if (store === undefined)
      throw new CommandError('no plugin supplies the service "store", so there is no queue; see plugins.yaml')
    return work({ store, queue: store.queue, config, loaded, assembled, bus })
  }
  return withPlugins(run.configDir, parts, 'command', found, routing ? undefined : ['store'])
}

/** Messages with the rows that are meant, and no others. */
export async function* meant(
  queue: Queue,
  { ids, where }: QueueWords,
  more: Pick<QueueFilter, 'sort' | 'limit'> = {},
): AsyncIterable<QueuedMessage> {
  if (ids.length === 0) {
    yield* queue.list({ where, ...more })
    return
  }
  for (const id of ids) yield* queue.list({ where: [fieldIs('id', id), ...where] })
}

/** For the trail: `root@mail`. */
export function whoAsks(): string {
  return `${userInfo().username}@${hostname()}`
}
