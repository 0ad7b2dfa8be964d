/**
 * Names that are one slip apart: a letter missing, one too many, another one, or two changed about. Found among thousands by what both are without
 * one letter (deletion neighbourhood), so that a question costs as many look-ups as the name has letters. Pure.
 */

/** As labels of names are bounded (RFC 1035 §2.3.4). */
const LONGEST = 63

/** The name, and all that is left of it without one letter. */
export function neighbourhoodOf(name: string): ReadonlySet<string> {
  const all = new Set([name])
  if (name.length > LONGEST) return all
  for (let at = 0; at < name.length; at++) all.add(name.slice(0, at) + name.slice(at + 1))
  return all
}

/** How `name` differs from `other`, in words; nothing: not by one slip. */
export function oneEdit(name: string, other: string): string | undefined {
  if (name === other || Math.abs(name.length - other.length) > 1) return undefined
  let from = 0
  while (from < name.length && name[from] === other[from]) from++
  let back = 0
  const most = Math.min(name.length, other.length) - from
  while (back < most && name[name.length - 1 - back] === other[other.length - 1 - back]) back++
  const here = name.slice(from, name.length - back)
  const there = other.slice(from, other.length - back)
  if (here.length === 1 && there === '') return here === '-' ? 'a hyphen is added' : `one ${here} is too many`
  if (here === '' && there.length === 1) return there === '-' ? 'a hyphen is missing' : `one ${there} is missing`
  if (here.length === 1 && there.length === 1) return `it has ${here} in place of ${there}`
  const swapped = here.length === 2 && there.length === 2 && here[0] === there[1] && here[1] === there[0]
  return swapped ? `${there} has become ${here}` : undefined
}

/** Things by name, found by names that are one slip away. */
export class Neighbours<T> {
  readonly #near = new Map<string, [name: string, thing: T][]>()

  add(name: string, thing: T): void {
    for (const key of neighbourhoodOf(name)) {
      const there = this.#near.get(key)
      if (there === undefined) this.#near.set(key, [[name, thing]])
      else there.push([name, thing])
    }
  }

  /** The first that is exactly one slip away, and how; of those that count. */
  find(
    name: string,
    counts: (thing: T) => boolean = () => true,
  ): { readonly thing: T; readonly how: string } | undefined {
    for (const key of neighbourhoodOf(name)) {
      for (const [other, thing] of this.#near.get(key) ?? []) {
        const how = oneEdit(name, other)
        if (how !== undefined && counts(thing)) return { thing, how }
      }
    }
    return undefined
  }
}
