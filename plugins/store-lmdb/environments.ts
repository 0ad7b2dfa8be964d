/**
 * The LMDB environments of this process. Each file is opened once per process and never closed: closing after writes can crash lmdb-js, and two
 * openings of one file in a process break LMDB's locks. A reload therefore finds the environment that is already there.
 */
import { resolve } from 'node:path'
import { Environment, type EnvironmentOptions, type EnvironmentWatcher } from './environment.js'

const registry = Symbol.for('posthouse.store-lmdb.environments')
const shared = globalThis as typeof globalThis & { [registry]?: Map<string, Environment> }

export function openEnvironment(options: EnvironmentOptions): Environment {
  const environments = shared[registry] ?? known()
  const path = resolve(options.path)
  const environment = environments.get(path) ?? new Environment(path, options)
  // Also a file that is refused stays open, and a second try must find it so.
  environments.set(path, environment)
  environment.check(options)
  return environment
}

/** One that was opened before. */
export function environmentAt(path: string): Environment {
  const environment = shared[registry]?.get(resolve(path))
  if (environment === undefined) throw new Error(`${path} is not open`)
  return environment
}

/** Tells `watcher` of an environment that is open. */
export function watchEnvironment(path: string, watcher: EnvironmentWatcher): () => void {
  return environmentAt(path).watch(watcher)
}

function known(): Map<string, Environment> {
  const environments = new Map<string, Environment>()
  shared[registry] = environments
  process.on('exit', () => {
    if ([...environments.values()].some(environment => environment.unanswered)) process.kill(process.pid, 'SIGKILL')
  })
  return environments
}
