/** What looking for an alias finds, whoever keeps it. */
import type { AddressParts } from 'posthouse/text'

export interface Found {
  /** The alias as it is written. */
  readonly name: string
  readonly targets: readonly AddressParts[]
  /** Where it stands: `aliases.yaml:12`, `command`. */
  readonly origin: string
}

export interface AliasSource {
  /** By the first key that is an alias; bare targets are of the domain that is asked for. */
  lookUp(keys: readonly string[], asked: AddressParts): Found | undefined | Promise<Found | undefined>
}
