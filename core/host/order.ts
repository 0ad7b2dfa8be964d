/**
 * Finds the order in which plugins are set up: whoever supplies a service before those that need it, else as in plugins.yaml.
 * Pure. The order of setting up is not the order of asking: hooks are always asked in the order of plugins.yaml.
 */

/** Services that several entries may supply, each a part; who needs one waits for all of them. */
export const JOINED: ReadonlySet<string> = new Set(['accounts'])

export interface Party {
  readonly name: string
  readonly needs: readonly string[]
  readonly supplies: readonly string[]
}

export interface Problem {
  readonly index: number
  readonly message: string
}

export interface SetupOrder {
  /** Indexes of the parties; those with problems, and those that wait for them, are left out. */
  readonly order: readonly number[]
  readonly problems: readonly Problem[]
}

/** `given` are the services core itself supplies. Where an entry that is not among the parties `mightSupply` what is missing, nobody is blamed for needing it. */
export function setupOrder(
  parties: readonly Party[],
  given: ReadonlySet<string>,
  mightSupply: (service: string) => boolean = () => false,
): SetupOrder {
  const { suppliers, problems } = suppliersOf(parties, given)
  const missing = parties.flatMap((party, index) =>
    party.needs
      .filter(service => !given.has(service) && !suppliers.has(service) && !mightSupply(service))
      .map(service => ({ index, message: `"${party.name}" needs the service "${service}", and no entry supplies it` })),
  )
  const order: number[] = []
  const there = new Set(given)
  const left = new Set(parties.keys())
  for (const wrong of [...problems, ...missing]) left.delete(wrong.index)
  const isAwaited = (service: string) => [...left].some(i => parties[i]!.supplies.includes(service))
  const ready = () => [...left].find(i => parties[i]!.needs.every(service => there.has(service)))
  for (let next = ready(); next !== undefined; next = ready()) {
    left.delete(next)
    order.push(next)
    for (const service of parties[next]!.supplies) if (!JOINED.has(service) || !isAwaited(service)) there.add(service)
  }
  return { order, problems: [...problems, ...missing, ...cycles(parties, left, suppliers)] }
}

function suppliersOf(parties: readonly Party[], given: ReadonlySet<string>) {
  const suppliers = new Map<string, number[]>()
  const problems: Problem[] = []
  parties.forEach((party, index) => {
    for (const service of party.supplies) {
      const others = suppliers.get(service)
      if (others === undefined && !given.has(service)) suppliers.set(service, [index])
      else if (others !== undefined && JOINED.has(service)) others.push(index)
      else {
        const name = others === undefined ? 'core' : `"${parties[others[0]!]!.name}"`
        problems.push({
          index,
          message: `"${party.name}" supplies the service "${service}", which ${name} supplies already`,
        })
      }
    }
  })
  return { suppliers, problems }
}

/** Of those left over, the ones that wait for each other; the rest only waits for somebody with a problem. */
function cycles(
  parties: readonly Party[],
  left: ReadonlySet<number>,
  suppliers: ReadonlyMap<string, readonly number[]>,
): Problem[] {
  const waitsFor = (i: number) =>
    parties[i]!.needs.flatMap(service =>
      (suppliers.get(service) ?? []).filter(by => left.has(by)).map(by => ({ service, by })),
    )
  const told = new Set<number>()
  const problems: Problem[] = []
  for (const start of left) {
    const ring = ringFrom(start, waitsFor)
    if (ring.length === 0 || ring.some(step => told.has(step.from))) continue
    for (const step of ring) told.add(step.from)
    const steps = ring.map(s => `"${parties[s.from]!.name}" needs "${s.service}" of "${parties[s.by]!.name}"`)
    problems.push({ index: start, message: `plugins wait for each other: ${steps.join(', ')}` })
  }
  return problems
}

interface Step {
  readonly from: number
  readonly by: number
  readonly service: string
}

function ringFrom(
  start: number,
  waitsFor: (i: number) => readonly { readonly service: string; readonly by: number }[],
): readonly Step[] {
  const seen = new Set<number>()
  const walk = (at: number): readonly Step[] | undefined => {
    for (const { service, by } of waitsFor(at)) {
      const step = { from: at, by, service }
      if (by === start) return [step]
      if (seen.has(by)) continue
      seen.add(by)
      const rest = walk(by)
      if (rest !== undefined) return [step, ...rest]
    }
    return undefined
  }
  return walk(start) ?? []
}
