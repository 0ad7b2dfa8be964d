/**
 * `finding`: what has been found by other rules or other plugins. Rules with such a condition are asked when all others have been (`weigh`), and do
 * not see each other. What is only tried out (a shadow) is not seen.
 */
import { printable } from 'posthouse/text'
import { isNamed } from '../weigh.js'
import { found, type Kind } from './kind.js'

type RawFinding = {
  readonly finding: string
  readonly plugin?: string
  readonly points_over?: number
  readonly points_under?: number
}

interface Wanted {
  readonly name: string
  readonly plugin?: string
  readonly over: number
  readonly under: number
}

export const finding: Kind<Wanted, RawFinding> = {
  name: 'finding',
  key: {
    type: 'string',
    pattern: '^[a-z0-9][a-z0-9_.-]*\\*?$|^\\*$',
    maxLength: 100,
    description: 'name of a finding; `dnsbl-*` is the beginning of one, `*` is any',
  },
  companions: {
    plugin: { type: 'string', minLength: 1, description: 'whose finding it is' },
    points_over: { type: 'number', description: 'its points are more than this' },
    points_under: { type: 'number', description: 'its points are less than this' },
  },
  read(raw) {
    const bounds = { over: raw.points_over ?? -Infinity, under: raw.points_under ?? Infinity }
    return { name: raw.finding, ...bounds, ...(raw.plugin !== undefined && { plugin: raw.plugin }) }
  },
  late: true,
  prepare: () => ({
    bind:
      ({ name, plugin, over, under }) =>
      ({ findings }) => {
        const here = findings.find(
          one =>
            one.shadow === undefined &&
            isNamed(one.name, name) &&
            (plugin === undefined || one.plugin === plugin) &&
            one.points > over &&
            one.points < under,
        )
        return here === undefined ? undefined : found(`${here.name} (${printable(here.says, 80)})`)
      },
  }),
}
