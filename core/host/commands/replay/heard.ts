/**
 * What hooks see beside the octets, made anew: of a recorded mail from its trail, of a file from the Received field that whoever took it in has
 * put in front, or from what the command line says. Pure.
 */
import { isIP } from 'node:net'
import type {
  Account,
  Address,
  Envelope,
  Message,
  Recipient,
  ReverseName,
  Session,
  TrailEntry,
} from '../../../api/index.js'
import { parseAddress, readPath } from '../../../text/index.js'

type Facts = TrailEntry['facts']

const HERE = { address: '127.0.0.1', port: 0 }
const MAX_RECEIVED = 2000

/** `undefined`: the record says too little, as those of older versions do. */
export function recordedSession(facts: Facts, account: Account | undefined): Session | undefined {
  const { session: id, client, listener } = facts
  if (typeof id !== 'string' || typeof client !== 'string' || typeof listener !== 'string') return undefined
  const trusted = facts.trusted === true
  const reversed = recordedReverse(facts)
  const [protocol, cipher] = typeof facts.tls === 'string' ? facts.tls.split(' ') : []
  const named = typeof facts.labels === 'string' ? facts.labels.split(' ').filter(Boolean) : []
  return {
    id,
    protocol: facts.protocol === 'lmtp' ? 'lmtp' : 'smtp',
    listener,
    remote: { address: client, port: 0 },
    local: HERE,
    ...(typeof facts.helo === 'string' && { helo: facts.helo }),
    extended: facts.extended !== false,
    ...(account && { account }),
    trusted,
    ...(protocol !== undefined && { tls: { protocol, cipher: cipher ?? '' } }),
    labels: new Set([
      listener,
      ...named,
      ...(trusted ? ['trusted'] : []),
      ...(protocol === undefined ? [] : ['tls']),
      ...(account === undefined ? [] : ['authenticated']),
    ]),
    refused: { commands: 0, unknown: 0 },
    reverse: async () => reversed ?? { kind: 'unknown', why: 'it was not asked for when the mail came' },
    ...(reversed && { reversed }),
  }
}

function recordedReverse({ reverse, name }: Facts): ReverseName | undefined {
  const names = typeof name === 'string' ? name : ''
  switch (reverse) {
    case 'confirmed':
      return { kind: 'confirmed', name: names }
    case 'unconfirmed':
      return { kind: 'unconfirmed', names: names.split(', ') }
    case 'none':
      return { kind: 'none' }
    case 'unknown':
      return { kind: 'unknown', why: 'it was not known when the mail came' }
    default:
      return undefined
  }
}

export function recordedEnvelope(id: string, facts: Facts, recipients: readonly Recipient[]): Envelope {
  return {
    id,
    sender: parseAddress(String(facts.sender ?? '')) ?? null,
    recipients,
    parameters: new Map(),
    utf8: facts.utf8 === true,
    body: facts.body === '8BITMIME' || facts.body === 'BINARYMIME' ? facts.body : '7BIT',
  }
}

/** What the command line says of the client of mail in files; what is left out is read from the mail. */
export interface Wishes {
  readonly ip?: string
  readonly helo?: string
  readonly from?: string
  readonly to?: string
  readonly listener: string
}

export function sessionOfFile(id: string, message: Message, wishes: Wishes): Session {
  const found = clientIn(message.field('Received') ?? '')
  const [ip, helo] = [wishes.ip ?? found?.ip, wishes.helo ?? found?.helo]
  return {
    id,
    // Nobody can say of mail that comes from nowhere that its client is odd.
    protocol: ip === undefined ? 'internal' : 'smtp',
    listener: wishes.listener,
    remote: { address: ip ?? HERE.address, port: 0 },
    local: HERE,
    ...(helo !== undefined && { helo }),
    extended: true,
    trusted: false,
    labels: new Set([wishes.listener]),
    refused: { commands: 0, unknown: 0 },
    reverse: async () => ({ kind: 'unknown', why: 'a mail in a file' }),
  }
}

/** RFC 5321 §4.4: `from HELO (NAME [ADDRESS])`, as nearly all servers write it. */
function clientIn(received: string): { readonly ip: string; readonly helo: string } | undefined {
  const [, helo = '', between = ''] =
    /^\s*from\s+(\S{1,255})\s*(\([^)]{0,500}\))?/.exec(received.slice(0, MAX_RECEIVED)) ?? []
  const ip = /\[(?:IPv6:)?([0-9A-Fa-f.:]{2,45})\]/.exec(`${between} ${helo}`)?.[1]
  return ip === undefined || isIP(ip) === 0 ? undefined : { ip, helo }
}

export function envelopeOfFile(id: string, message: Message, wishes: Wishes, otherwise: Address): Envelope {
  const path = message.field('Return-Path')
  const sender =
    wishes.from === undefined ? path && readPath(path.trim())?.address : (parseAddress(wishes.from) ?? null)
  const to = wishes.to ?? message.field('Delivered-To') ?? message.field('X-Original-To')
  const address = (to === undefined ? undefined : parseAddress(to.trim())) ?? otherwise
  return {
    id,
    sender: sender === undefined || sender === '' ? { local: 'unknown', domain: 'unknown.invalid' } : sender,
    recipients: [{ address, dsn: { notify: [] } }],
    parameters: new Map(),
    utf8: false,
    body: '8BITMIME',
  }
}
