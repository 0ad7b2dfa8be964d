/**
 * Puts the contributions of all plugins together and finds what cannot stand side by side: a target, verb, command or listener twice,
 * a label nobody sets, `on_error: ignore` where it would turn an outage into bounces. Pure.
 */
import type { Command, Fault, Listener, MomentName, SmtpVerb, Target } from '../api/index.js'
import type { Config } from '../config/types.js'
import { OBSERVABLE } from '../pipeline/pipeline.js'
import { closest } from '../text/index.js'
import type { Loaded, LoadedEntry } from './loaded.js'

type Together = Pick<Loaded, 'targets' | 'verbs' | 'commands' | 'listeners' | 'labels'>

/** `complete`: all entries are there; otherwise a label may belong to one that is not. */
export function gather(
  entries: readonly LoadedEntry[],
  config: Config,
  complete: boolean,
): { readonly together: Together; readonly faults: readonly Fault[] } {
  const faults: Fault[] = []
  const targets = new Once<Target>('target', faults)
  const verbs = new Once<SmtpVerb>('SMTP verb', faults)
  const commands = new Once<Command>('command', faults)
  const listeners = new Once<Listener>('listener', faults)
  const addresses = new Once<string>('address', faults)
  for (const { name, address } of config.listeners) {
    listeners.reserve(name, 'server.yaml')
    addresses.reserve(address, `listener "${name}"`)
  }
  for (const entry of entries) {
    const { contribution } = entry
    for (const [name, target] of Object.entries(contribution.targets ?? {})) targets.add(name, target, entry)
    for (const [name, verb] of Object.entries(contribution.smtpVerbs ?? {})) verbs.add(name.toUpperCase(), verb, entry)
    for (const command of contribution.commands ?? []) commands.add(command.name, command, entry)
    for (const listener of contribution.listeners ?? []) {
      listeners.add(listener.name, listener, entry)
      if ((listener.clientCertificates ?? 'none') !== 'none' && config.tls.clientCa === undefined)
        faults.push(entry.entry.fault(['with', 'client_certificates'], NO_AUTHORITY))
      if (!listener.address.endsWith(':0')) addresses.add(listener.address, listener.name, entry)
    }
  }
  const labels = labelsOf(entries, [...config.listeners, ...listeners.all.values()])
  faults.push(...entries.flatMap(unsafeIgnores), ...entries.flatMap(emptyObservers))
  if (complete) faults.push(...entries.flatMap(entry => unknownLabels(entry, labels)))
  return {
    together: {
      targets: targets.all,
      verbs: verbs.all,
      commands: [...commands.all.values()],
      listeners: [...listeners.all.values()],
      labels,
    },
    faults,
  }
}

const NO_AUTHORITY = 'client certificates cannot be checked: tls.client_ca of server.yaml names no authority'

/** Things of one kind by name, each name taken once. */
class Once<T> {
  readonly all = new Map<string, T>()
  readonly #owners = new Map<string, string>()
  readonly #kind: string
  readonly #faults: Fault[]

  constructor(kind: string, faults: Fault[]) {
    this.#kind = kind
    this.#faults = faults
  }

  reserve(name: string, owner: string): void {
    this.#owners.set(name, owner)
  }

  add(name: string, thing: T, { entry, plugin }: LoadedEntry): void {
    const owner = this.#owners.get(name)
    if (owner !== undefined) {
      this.#faults.push(entry.fault(['use'], `the ${this.#kind} "${name}" of "${plugin.name}" is taken by ${owner}`))
      return
    }
    this.#owners.set(name, `"${plugin.name}"`)
    this.all.set(name, thing)
  }
}

function labelsOf(entries: readonly LoadedEntry[], listeners: readonly { readonly name: string }[]): Set<string> {
  return new Set([
    'authenticated',
    'tls',
    'trusted',
    ...listeners.map(listener => listener.name),
    ...entries.flatMap(({ contribution }) => contribution.labels ?? []),
  ])
}

function unknownLabels({ entry }: LoadedEntry, labels: ReadonlySet<string>): readonly Fault[] {
  return (['unless', 'on'] as const).flatMap(key =>
    entry[key].flatMap((label, i) => {
      if (labels.has(label)) return []
      const meant = closest(label, labels)
      const hint = meant === undefined ? `; there are: ${[...labels].join(', ')}` : `, did you mean "${meant}"?`
      return [entry.fault([key, i], `nothing sets the label "${label}"${hint}`)]
    }),
  )
}

function emptyObservers({ entry, plugin, contribution }: LoadedEntry): readonly Fault[] {
  if (entry.mode !== 'observe') return []
  const moments = Object.keys(contribution.hooks ?? {}) as MomentName[]
  if (moments.some(moment => OBSERVABLE.has(moment))) return []
  return [entry.fault(['mode'], `"${plugin.name}" objects to nothing, so there is nothing to observe`)]
}

function unsafeIgnores({ entry, plugin, contribution }: LoadedEntry): readonly Fault[] {
  if (entry.onError !== 'ignore') return []
  const moments = (['route', 'auth'] as const).filter(moment => contribution.hooks?.[moment] !== undefined)
  return moments.map(moment =>
    entry.fault(
      ['on_error'],
      `"${plugin.name}" answers at ${moment}, where a failure may not be ignored: it would turn an outage into refusals`,
    ),
  )
}
