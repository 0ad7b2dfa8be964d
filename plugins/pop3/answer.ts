/**
 * What a command answers: data, written by `conversation.ts` alone. Response codes in brackets are RFC 2449 §8, RFC 3206 and RFC 6856 §5.
 * Texts are of the session's language.
 */
export type ResponseCode = 'AUTH' | 'LOGIN-DELAY' | 'SYS/TEMP' | 'SYS/PERM' | 'UTF8'

export type Answer =
  | { readonly kind: 'ok'; readonly text: string }
  | { readonly kind: 'no'; readonly text: string; readonly code?: ResponseCode; readonly senseless?: boolean }
  | { readonly kind: 'list'; readonly text: string; readonly lines: Iterable<string> }
  /** A message: dot-stuffed and ended by whoever writes it. */
  | { readonly kind: 'message'; readonly text: string; readonly chunks: AsyncIterable<Buffer> }
  | { readonly kind: 'start-tls' }
  /** The last answer of a conversation. */
  | {
      readonly kind: 'bye'
      readonly good: boolean
      readonly text: string
      readonly reason: 'quit' | 'logins'
      readonly code?: ResponseCode
    }

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
