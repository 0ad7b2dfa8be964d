/** The options of the entry, and how they become places. What a schema cannot say (one kind each, placeholders that exist) is told with its place in the file. */
import type { Fault, Infer, YamlPath } from 'posthouse/api'
import {
  addressKey,
  closest,
  normaliseDomain,
  parseAddress,
  parseDuration,
  parseEndpoint,
  parseSize,
} from 'posthouse/text'
import { KINDS, type Kind, type Place } from './place.js'
import { ARGUMENT_NAMES, PATH_NAMES, placeholdersOf } from './placeholders.js'

const PLACE = {
  type: 'object',
  additionalProperties: false,
  properties: {
    mbox: { type: 'string', minLength: 2, description: 'a mailbox file: /var/mail/{user}' },
    maildir: { type: 'string', minLength: 2, description: 'a Maildir: /home/{user}/Maildir' },
    pipe: {
      type: 'array',
      items: { type: 'string' },
      minItems: 1,
      maxItems: 50,
      description: 'a program and its arguments, each as it is: no shell reads them',
    },
    lmtp: { type: 'string', description: 'another server: unix:/run/dovecot/lmtp or 127.0.0.1:24' },
    for: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      default: [],
      description: 'whose mail goes there: a login, an address, or @domain for all accounts of a domain',
    },
    any_name: {
      type: 'boolean',
      default: false,
      description: 'of each @domain above also the names that nobody here has; only for pipe and lmtp',
    },
    locks: {
      type: 'array',
      items: { enum: ['fcntl', 'dotlock'] },
      minItems: 1,
      uniqueItems: true,
      default: ['fcntl', 'dotlock'],
      description: 'mbox: how the file is locked, in this order; all programs that use it must agree',
    },
    lock_wait: {
      type: 'string',
      format: 'duration',
      default: '30s',
      description: 'mbox: how long to wait for somebody else before the mail is put off',
    },
    owner: {
      enum: ['user', 'any'],
      default: 'user',
      description: 'mbox, maildir: user: what is there must belong to the user of that name or to us',
    },
    create: { type: 'boolean', default: true, description: 'mbox, maildir: make what is missing, but not its parent' },
    timeout: {
      type: 'string',
      format: 'duration',
      default: '1m',
      description: 'pipe, lmtp: the longest one mail may take',
    },
    memory: { type: 'string', format: 'size', default: '512MB', description: 'pipe: address space of each process' },
    file_size: { type: 'string', format: 'size', default: '1GB', description: 'pipe: the largest file it may write' },
    most: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      default: 4,
      description: 'pipe: how many of it may run at a time, in each worker',
    },
  },
} as const

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    places: { type: 'object', additionalProperties: PLACE, default: {}, description: 'places by name' },
  },
} as const

export type Config = Infer<typeof CONFIG>
type Written = Infer<typeof PLACE>

const NAME = /^[a-z0-9][a-z0-9_-]{0,40}$/
const LONGEST_TIMEOUT_MS = 5 * 60_000

/** Of a whole entry: faults are collected, the places are those without. */
export function readPlaces(
  config: Config,
  domains: ReadonlySet<string>,
  faultAt: (path: YamlPath, message: string) => Fault,
): { readonly places: readonly Place[]; readonly faults: readonly Fault[] } {
  const places: Place[] = []
  const faults: Fault[] = []
  const taken = new Map<string, string>()
  for (const [name, written] of Object.entries(config.places as Readonly<Record<string, Written>>)) {
    const wrong = (path: YamlPath, message: string) => void faults.push(faultAt(['places', name, ...path], message))
    if (!NAME.test(name)) wrong([], `"${name}" is no name for a place: expected small letters, digits, - and _`)
    const place = readPlace(name, written, wrong)
    checkFor(written, domains, wrong)
    for (const [i, who] of place?.for.entries() ?? []) {
      const other = taken.get(who)
      if (other !== undefined) wrong(['for', i], `"${who}" stands under ${other} already`)
      taken.set(who, name)
    }
    if (place !== undefined) places.push(place)
  }
  return { places, faults }
}

type Wrong = (path: YamlPath, message: string) => void

function readPlace(name: string, written: Written, wrong: Wrong): Place | undefined {
  const kinds = KINDS.filter(kind => written[kind] !== undefined)
  const [kind] = kinds
  if (kind === undefined || kinds.length > 1) {
    wrong([], `expected one of ${KINDS.join(', ')}, found ${kinds.length === 0 ? 'none' : kinds.join(' and ')}`)
    return undefined
  }
  if (written.any_name && (kind === 'mbox' || kind === 'maildir'))
    wrong(['any_name'], `senders would choose file names: any_name is for pipe and lmtp, not for ${kind}`)
  checkTexts(kind, written, wrong)
  const timeoutMs = parseDuration(written.timeout) ?? 0
  if (timeoutMs < 1000 || timeoutMs > LONGEST_TIMEOUT_MS) wrong(['timeout'], 'expected 1s to 5m')
  const lockWaitMs = parseDuration(written.lock_wait) ?? 0
  if (lockWaitMs < 1000 || lockWaitMs > LONGEST_TIMEOUT_MS) wrong(['lock_wait'], 'expected 1s to 5m')
  if (kind === 'mbox' && written.locks.includes('fcntl') && process.platform !== 'linux')
    wrong(['locks'], 'fcntl locks are taken on Linux only: locks: [dotlock]')
  const common = {
    name,
    for: written.for.map(keyFor),
    anyName: written.any_name,
    timeoutMs,
    anyOwner: written.owner === 'any',
    create: written.create,
  }
  switch (kind) {
    case 'mbox':
      return { ...common, kind, path: written.mbox!, locks: written.locks, lockWaitMs }
    case 'maildir':
      return { ...common, kind, path: written.maildir! }
    case 'pipe': {
      const memoryBytes = parseSize(written.memory) ?? 0
      const fileBytes = parseSize(written.file_size) ?? 0
      return { ...common, kind, argv: written.pipe!, memoryBytes, fileBytes, most: written.most }
    }
    case 'lmtp': {
      const endpoint = parseEndpoint(written.lmtp!)
      if (endpoint !== undefined) return { ...common, kind, endpoint }
      wrong(['lmtp'], `expected host:port or unix:/path, found "${written.lmtp}"`)
      return undefined
    }
  }
}

function checkTexts(kind: Kind, written: Written, wrong: Wrong): void {
  if (kind === 'mbox' || kind === 'maildir') {
    const path = written[kind]!
    if (!path.startsWith('/')) wrong([kind], 'expected an absolute path')
    if (path.split('/').includes('..')) wrong([kind], 'no ".." in a path')
    if (path.includes('\0')) wrong([kind], 'a path has no NUL')
    checkPlaceholders([kind], path, PATH_NAMES, wrong)
  }
  if (kind === 'pipe') {
    const [program = ''] = written.pipe!
    if (!program.startsWith('/')) wrong(['pipe', 0], 'expected the absolute path of a program')
    for (const [i, text] of written.pipe!.entries()) {
      if (text.includes('\0')) wrong(['pipe', i], 'an argument has no NUL')
      checkPlaceholders(['pipe', i], text, i === 0 ? [] : ARGUMENT_NAMES, wrong)
    }
  }
}

function checkPlaceholders(path: YamlPath, text: string, known: readonly string[], wrong: Wrong): void {
  for (const name of placeholdersOf(text)) {
    if (known.includes(name)) continue
    const near = closest(name, known)
    const instead = near === undefined ? `known here: ${known.join(', ') || 'none'}` : `did you mean {${near}}?`
    wrong(path, `nothing is known as {${name}}; ${instead}`)
  }
}

function checkFor(written: Written, domains: ReadonlySet<string>, wrong: Wrong): void {
  for (const [i, who] of written.for.entries()) {
    const at = who.lastIndexOf('@')
    if (at < 0) continue
    if (at > 0 && parseAddress(who) === undefined) wrong(['for', i], `"${who}" is no address`)
    else if (!domains.has(normaliseDomain(who.slice(at + 1)) ?? ''))
      wrong(['for', i], `${who.slice(at + 1)} is none of our domains (domains of server.yaml)`)
  }
  if (written.any_name && !written.for.some(who => who.startsWith('@')))
    wrong(['any_name'], 'expected a @domain under for')
}

/** As addresses are asked for (`addressKey`). */
function keyFor(who: string): string {
  const at = who.lastIndexOf('@')
  if (at < 0) return who.toLowerCase()
  return addressKey({ local: who.slice(0, at), domain: normaliseDomain(who.slice(at + 1)) ?? who.slice(at + 1) })
}
