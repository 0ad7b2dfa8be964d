/** The doors of a worker, and what they share: who is inside, here and at the other workers, and who serves what comes. */
import type { Listener } from '../api/index.js'
import { Census } from '../net/census.js'
import { openListener } from '../net/listener.js'
import { Passing } from '../net/passing.js'
import { Turnstile } from '../net/turnstile.js'
import type { ListenerDeps, OpenListener } from '../net/types.js'
import { NetworkSet } from '../text/index.js'
import type { AppBase, OpenDoor } from './app-types.js'

export interface Door {
  readonly door: OpenListener
  readonly shown: OpenDoor
}

export interface Counters {
  readonly turnstile: Turnstile
  readonly census?: Census
  readonly passing?: Passing
}

/** A worker that is alone has nobody to tell. */
export function countersOf({ config, bus, clock, workers = 1, worker, passOn }: AppBase): Counters {
  const { connectionsTotal: total, connectionsPerNetwork: perNetwork, exempt } = config.limits
  const limits = { total, perNetwork, exempt }
  if (workers === 1) return { turnstile: new Turnstile(limits) }
  const takes = worker !== undefined && passOn !== undefined
  const census = new Census({ bus, clock, ...(takes && { worker }) })
  const turnstile = new Turnstile(limits, census)
  if (!takes) return { turnstile, census }
  const passing = new Passing({ inside: () => turnstile.inside, others: () => census.takers(), passOn })
  return { turnstile, census, passing }
}

/** All or none. */
export async function openDoors(
  base: AppBase,
  listeners: readonly Listener[],
  shared: Pick<ListenerDeps, 'drain' | 'turnstile' | 'passing' | 'sessions'>,
): Promise<readonly Door[]> {
  const { config, log, clock, tls } = base
  const maxConnections = config.limits.connections
  const deps = { ...shared, log, clock, tls, maxConnections }
  const proxies = new NetworkSet(config.proxy.networks)
  for (const name of config.proxy.listeners) {
    if (!listeners.some(listener => listener.name === name))
      log.warn({ listener: name }, 'proxy names a listener that is not there')
  }
  const doors: Door[] = []
  try {
    for (const listener of listeners) {
      const door = await openListener(
        listener,
        config.proxy.listeners.includes(listener.name) ? { ...deps, proxies } : deps,
      )
      const { name, protocol } = listener
      doors.push({ door, shown: { name, protocol, address: door.address, tls: listener.tls } })
    }
    return doors
  } catch (error) {
    for (const { door } of doors) door.stop()
    throw error
  }
}
