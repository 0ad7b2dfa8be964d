/** The protocols that app passwords are for, as people name them. */
import type { Peer } from 'posthouse/api'

export type Protocol = 'imap' | 'pop3' | 'smtp'
export const PROTOCOLS = ['imap', 'pop3', 'smtp'] as const

/** LMTP counts as SMTP; what is inside of the server is none of these. */
export function protocolOf(protocol: Peer['protocol']): Protocol | undefined {
  if (protocol === 'lmtp') return 'smtp'
  return protocol === 'internal' ? undefined : protocol
}

export function isProtocol(value: unknown): value is Protocol {
  return PROTOCOLS.some(protocol => protocol === value)
}

/** `imap,smtp`; the first word that is none of them is given back as `wrong`. */
export function readProtocols(text: string): { readonly protocols: readonly Protocol[]; readonly wrong?: string } {
  const words = [
    ...new Set(
      text
        .toLowerCase()
        .split(',')
        .map(word => word.trim()),
    ),
  ]
  const wrong = words.find(word => !isProtocol(word))
  return { protocols: PROTOCOLS.filter(protocol => words.includes(protocol)), ...(wrong !== undefined && { wrong }) }
}
