/**
 * Expected failures: thrown, coded, temporary or permanent. The catalogue is the only place that knows what a peer may hear.
 * "No" is an answer and is returned; anything thrown that is not a MailError is a bug.
 */
export const CATALOGUE = {
  'store-unavailable': { code: 451, status: '4.3.0', text: 'The store is not available right now, try again later' },
  'store-full': { code: 452, status: '4.3.1', text: 'Insufficient system storage' },
  'directory-unavailable': { code: 451, status: '4.3.0', text: 'Cannot look up the recipient right now' },
  'dns-unavailable': { code: 451, status: '4.4.3', text: 'Name service did not answer' },
  'mailbox-full': { code: 452, status: '4.2.2', text: 'Mailbox is full' },
  'mailbox-gone': { code: 550, status: '5.2.1', text: 'No such mailbox' },
  'mailbox-exists': { code: 550, status: '5.2.0', text: 'Mailbox already exists' },
  'mailbox-forbidden': { code: 550, status: '5.2.0', text: 'That mailbox name is not possible' },
  'message-gone': { code: 550, status: '5.2.0', text: 'Message is gone' },
  'lease-lost': { code: 451, status: '4.3.0', text: 'The lease on this delivery was lost' },
  internal: { code: 451, status: '4.3.0', text: 'Internal error, try again later' },
} as const

export type ErrorCode = keyof typeof CATALOGUE

export class MailError extends Error {
  readonly errorCode: ErrorCode

  /** `detail` is for the log only; the peer hears the catalogue's text. */
  constructor(errorCode: ErrorCode, detail: string, cause?: unknown) {
    super(detail, cause === undefined ? undefined : { cause })
    this.name = 'MailError'
    this.errorCode = errorCode
  }

  get temporary(): boolean {
    return CATALOGUE[this.errorCode].code < 500
  }

  get reply(): { readonly code: number; readonly status: string; readonly text: string } {
    return CATALOGUE[this.errorCode]
  }
}

/** Ends a `switch` over a union: a new kind breaks the build where it must be handled. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`)
}
