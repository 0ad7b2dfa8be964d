/**
 * What a command answers: data, written by `conversation.ts` alone. Response codes in brackets are RFC 2449 §8 and RFC 3206.
 */
export type ResponseCode = 'AUTH' | 'SYS/TEMP' | 'SYS/PERM'

export type Answer =
  | { readonly kind: 'ok'; readonly text: string }
  | { readonly kind: 'no'; readonly text: string; readonly code?: ResponseCode; readonly senseless?: boolean }
  | { readonly kind: 'list'; readonly text: string; readonly lines: Iterable<string> }
  /** A message: dot-stuffed and ended by whoever writes it. */
  | { readonly kind: 'message'; readonly text: string; readonly chunks: AsyncIterable<Buffer> }
  | { readonly kind: 'start-tls' }
  /** The last answer of a conversation. */
  | { readonly kind: 'bye'; readonly good: boolean; readonly text: string; readonly reason: 'quit' | 'logins' }

export function ok(text: string): Answer {
  return { kind: 'ok', text }
}

export function no(text: string, code?: ResponseCode): Answer {
  return code === undefined ? { kind: 'no', text } : { kind: 'no', text, code }
}

/** A command we cannot make sense of; too many in a row end the conversation. */
export function senseless(text: string): Answer {
  return { kind: 'no', text, senseless: true }
}
