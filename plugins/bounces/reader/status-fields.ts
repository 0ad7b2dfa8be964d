/**
 * The part for programs (RFC 3464 §2, RFC 6533 §4): groups of fields, the first about the message, the others about a recipient each.
 * Read with patience: groups without an empty line between, addresses without a type, fields in the wrong group, all of it seen in the world.
 */
import { fromUnitext } from 'posthouse/text'
import type { ReadAction, ReadRecipient } from './reading.js'
import { MAX_RECIPIENTS } from './reading.js'
import { addressesIn, line, replyIn, statusIn } from './words.js'

export interface StatusReport {
  readonly envelopeId?: string
  readonly reportingMta?: string
  readonly recipients: readonly StatusRecipient[]
}

/** `address` is empty where the fields name a phone number, a command or nothing. */
export type StatusRecipient = Omit<ReadRecipient, 'action'> & { readonly action?: ReadAction }

type Group = ReadonlyMap<string, string>

const ACTIONS: readonly string[] = ['failed', 'delayed', 'delivered', 'relayed', 'expanded'] satisfies ReadAction[]
const NAMES = /^(final-recipient|original-recipient|action|status|diagnostic-code|remote-mta|reporting-mta)\s{0,5}:/i
const MAX_LINES = 20_000

export function readStatus(text: string): StatusReport {
  const groups = groupsOf(text)
  const about = (name: string) => groups.find(group => group.has(name))?.get(name)
  const envelopeId = about('original-envelope-id')
  const reportingMta = withoutType(about('reporting-mta'))
  const recipients = groups.filter(isRecipient).slice(0, MAX_RECIPIENTS).map(recipientOf)
  return {
    ...(envelopeId === undefined ? {} : { envelopeId: line(envelopeId, 300) }),
    ...(reportingMta === undefined ? {} : { reportingMta }),
    recipients,
  }
}

/** Whether lines of such fields stand in a text for people. */
export function holdsStatus(text: string): boolean {
  const names = new Set(
    text.split('\n', MAX_LINES).flatMap(one => NAMES.exec(one.trimStart().slice(0, 60))?.[1]?.toLowerCase() ?? []),
  )
  return names.size >= 3 && (names.has('final-recipient') || names.has('original-recipient'))
}

function groupsOf(text: string): readonly Group[] {
  const groups: Map<string, string>[] = []
  let group: Map<string, string> | undefined
  let last: string | undefined
  for (const raw of text.split('\n', MAX_LINES)) {
    const written = raw.trimEnd().slice(0, 4000)
    const field = /^([A-Za-z][A-Za-z0-9-]{1,60})\s{0,5}:(.*)$/.exec(written)
    if (written === '') group = undefined
    else if (field === null) append(group, last, written)
    else {
      last = field[1]!.toLowerCase()
      // Some leave no empty line between two recipients.
      if (group === undefined || (group.has(last) && opens(last))) {
        group = new Map()
        groups.push(group)
      }
      if (!group.has(last)) group.set(last, field[2]!.trim())
    }
  }
  return groups.slice(0, MAX_RECIPIENTS + 10)
}

function append(group: Map<string, string> | undefined, name: string | undefined, more: string): void {
  if (group === undefined || name === undefined) return
  const so = group.get(name)
  if (so !== undefined && so.length < 8000) group.set(name, `${so} ${more.trim()}`)
}

function opens(name: string): boolean {
  return name === 'final-recipient' || name === 'original-recipient'
}

function isRecipient(group: Group): boolean {
  return ['final-recipient', 'original-recipient', 'action', 'diagnostic-code'].some(name => group.has(name))
}

function recipientOf(group: Group): StatusRecipient {
  const [final, original, actual] = ['final-recipient', 'original-recipient', 'x-actual-recipient'].map(name =>
    addressOf(group.get(name)),
  )
  const action = /^[a-z]+/i.exec(group.get('action') ?? '')?.[0].toLowerCase()
  const diagnostic = withoutType(group.get('diagnostic-code'))
  const reply = diagnostic === undefined ? undefined : replyIn(diagnostic)
  const status = statusOf(group.get('status'), reply?.status ?? statusIn(diagnostic ?? ''))
  const remoteMta = withoutType(group.get('remote-mta'))
  return {
    address: final ?? actual ?? original ?? '',
    ...(original === undefined ? {} : { original }),
    ...(action !== undefined && ACTIONS.includes(action) ? { action: action as ReadAction } : {}),
    ...(status === undefined ? {} : { status }),
    ...(reply?.code === undefined ? {} : { code: reply.code }),
    ...(diagnostic === undefined || diagnostic === '' ? {} : { diagnostic: line(diagnostic) }),
    ...(remoteMta === undefined || remoteMta === '' ? {} : { remoteMta: remoteMta.split(' ', 1)[0]! }),
    from: 'fields',
  }
}

/** `5.0.0` and `5.5.0` say nothing; what the refusing server said then says more. */
function statusOf(field: string | undefined, said: string | undefined): string | undefined {
  const own = /^\s{0,5}([245]\.\d{1,3}\.\d{1,3})/.exec(field ?? '')?.[1]
  if (own === undefined || (/^[45]\.(?:0|5)\.0$/.test(own) && said !== undefined)) return said ?? own
  return own
}

/** RFC 6533 §3: of type utf-8 it may be in unitext. */
function addressOf(field: string | undefined): string | undefined {
  if (field === undefined) return undefined
  const semicolon = field.indexOf(';')
  const written = field.slice(semicolon + 1).trim()
  const text = /^utf-8\s*$/i.test(field.slice(0, Math.max(semicolon, 0))) ? fromUnitext(written) : written
  return addressesIn(text.slice(0, 2000))[0]
}

/** `dns; host` is host. */
function withoutType(field: string | undefined): string | undefined {
  if (field === undefined) return undefined
  const typed = /^\s{0,5}[A-Za-z][A-Za-z0-9-]{0,40}\s{0,5};(.*)$/s.exec(field)
  return line(typed === null ? field : typed[1]!)
}
