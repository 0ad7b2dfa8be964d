/**
 * Reads access.yaml: four lists whose entries say deny or allow, what, and why. Every fault has its place.
 */
import type { Fault, Files } from 'posthouse/api'
import { closest } from 'posthouse/text'
import { AddressList, type Entry, NameList, NetworkList } from './lists.js'

export interface AccessLists {
  readonly networks: NetworkList
  readonly names: NameList
  readonly senders: AddressList
  readonly recipients: AddressList
}

const ENTRIES = {
  type: 'array',
  maxItems: 100_000,
  default: [],
  items: {
    type: 'object',
    additionalProperties: false,
    properties: {
      deny: { type: 'string', description: 'refuse what this matches' },
      allow: { type: 'string', description: 'label what this matches `allow-listed`' },
      reason: { type: 'string', maxLength: 300, description: 'told to the peer that is refused' },
    },
  },
} as const

const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: { networks: ENTRIES, names: ENTRIES, senders: ENTRIES, recipients: ENTRIES },
} as const

const WISHES = {
  networks: 'an address or a network like 192.0.2.0/24',
  names: 'a host name, or .example.org for all names below it',
  senders: 'user@example.org, @example.org, .example.org (all below it) or <>',
  recipients: 'user@example.org, @example.org or .example.org (all below it)',
} as const

type ListName = keyof AccessLists
const NAMES = ['networks', 'names', 'senders', 'recipients'] as const satisfies readonly ListName[]

export async function readAccess(
  files: Files,
  name: string,
): Promise<{ readonly lists: AccessLists; readonly faults: readonly Fault[]; readonly entries: number }> {
  const file = await files.yaml(name, SCHEMA, { optional: true, large: 'placed' })
  const faults = [...file.faults]
  const lists = {
    networks: new NetworkList(),
    names: new NameList(),
    senders: new AddressList(),
    recipients: new AddressList(),
  }
  let entries = 0
  for (const list of NAMES) {
    for (const [index, { deny, allow, reason }] of (file.value?.[list] ?? []).entries()) {
      const pattern = deny ?? allow
      if (pattern === undefined || (deny !== undefined && allow !== undefined)) {
        faults.push(file.fault([list, index], 'expected either `deny:` or `allow:`'))
        continue
      }
      const key = deny === undefined ? 'allow' : 'deny'
      const { line, column } = file.at([list, index, key])
      const entry: Entry = {
        kind: key,
        pattern,
        place: `${name}:${line}:${column}`,
        ...(reason !== undefined && { reason }),
      }
      const added = list === 'recipients' && pattern === '<>' ? false : lists[list].add(pattern, entry)
      if (added === false)
        faults.push(file.fault([list, index, key], `"${pattern}": expected ${WISHES[list]}${hint(list, pattern)}`))
      else if (added !== true)
        faults.push(file.fault([list, index, key], `${pattern} stands already at ${added.place}`))
      entries++
    }
  }
  return { lists, faults, entries }
}

/** What was probably meant by a pattern that is none. */
function hint(list: ListName, pattern: string): string {
  if (list === 'networks') return ''
  const domain = pattern.replace(/^\*?[.@]?/, '')
  const likely = list === 'names' ? [`.${domain}`, domain] : [`@${domain}`, `.${domain}`]
  const near = /^[^\s@*]+$/.test(domain) ? (closest(pattern, likely) ?? likely[0]) : undefined
  return near === undefined ? '' : `; did you mean ${near}?`
}
