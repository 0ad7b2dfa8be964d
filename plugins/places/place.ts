/** What a place is: one of four kinds, whose mail goes there, and what it may cost. */
import type { EndpointParts } from 'posthouse/text'
import { formatEndpoint } from 'posthouse/text'

export const KINDS = ['mbox', 'maildir', 'pipe', 'lmtp'] as const
export type Kind = (typeof KINDS)[number]

interface Common {
  readonly name: string
  /** Logins, `name@domain`, `@domain`; lower case. */
  readonly for: readonly string[]
  readonly anyName: boolean
  readonly timeoutMs: number
  /** Files may belong to anybody. */
  readonly anyOwner: boolean
  readonly create: boolean
}

export interface MboxPlace extends Common {
  readonly kind: 'mbox'
  readonly path: string
  readonly locks: readonly ('fcntl' | 'dotlock')[]
  readonly lockWaitMs: number
}

export interface MaildirPlace extends Common {
  readonly kind: 'maildir'
  readonly path: string
}

export interface PipePlace extends Common {
  readonly kind: 'pipe'
  readonly argv: readonly string[]
  readonly memoryBytes: number
  readonly fileBytes: number
  readonly most: number
}

export interface LmtpPlace extends Common {
  readonly kind: 'lmtp'
  readonly endpoint: EndpointParts
}

export type Place = MboxPlace | MaildirPlace | PipePlace | LmtpPlace

/** For people: `mbox /var/mail/{user}`. */
export function inWords(place: Place): string {
  switch (place.kind) {
    case 'mbox':
    case 'maildir':
      return `${place.kind} ${place.path}`
    case 'pipe':
      return `pipe ${place.argv.join(' ')}`
    case 'lmtp':
      return `lmtp ${formatEndpoint(place.endpoint)}`
  }
}
