/** What is gathered while rule files are read: faults with their places, and the names that rules may use. */
import type { Fault, YamlFile, YamlPath } from 'posthouse/api'
import { closest } from 'posthouse/text'
import type { Condition, Kind, Raw } from './conditions/kind.js'
import type { Guard } from './guard.js'
import type { Group, Position } from './rule.js'
import type { RawFile } from './schema.js'

export interface OpenFile extends YamlFile<RawFile> {
  /** It comes with Posthouse: its rules are held to more. */
  readonly shipped: boolean
}

export class Reading {
  readonly faults: Fault[] = []
  readonly lists = new Map<string, Set<string>>()
  readonly groups = new Map<string, Group>()
  readonly #conditions = new Map<string, Condition>()

  /** `listeners`: those there are, by name; nothing where nobody knows. */
  constructor(
    readonly guard: Guard,
    readonly listeners?: readonly string[],
  ) {}

  /** Many rules say the same ("no mail of a list"): it is read once, and so a message is asked once. */
  once(file: OpenFile, kind: Kind, raw: Raw, depth: number, read: () => unknown): Condition | undefined {
    const said = [kind.name, ...Object.keys(kind.companions)].map(key => raw[key])
    // How deep others may stand in it depends on where it stands itself.
    const key = JSON.stringify([file.shipped, kind.name, kind.inner === undefined ? 0 : depth, said])
    const there = this.#conditions.get(key)
    if (there !== undefined) return there
    const own = read()
    if (own === undefined) return undefined
    const condition = { kind, own }
    this.#conditions.set(key, condition)
    return condition
  }

  wrong(file: OpenFile, path: YamlPath, message: string): undefined {
    this.faults.push(file.fault(path, message))
  }

  /** The fault of a name that nothing has. */
  unknown(file: OpenFile, path: YamlPath, what: string, name: string, known: Iterable<string>): undefined {
    return this.wrong(file, path, `there is no ${what} "${name}"${meant(name, known)}`)
  }
}

/** `, did you mean "freemail"?` */
export function meant(name: string, known: Iterable<string>): string {
  const near = closest(name, known)
  return near === undefined ? '' : `, did you mean "${near}"?`
}

/** Found out when somebody asks: of a rule without faults nobody does, and it costs reading the file's YAML. */
export function placeOf(file: OpenFile, path: YamlPath): Position {
  return {
    get file() {
      return file.fault([], '').file
    },
    get line() {
      return file.at(path).line
    },
    get column() {
      return file.at(path).column
    },
  }
}
