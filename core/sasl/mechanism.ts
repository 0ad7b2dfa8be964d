/**
 * What a mechanism is: a machine that takes the client's responses and says what comes next. It is pure; accounts, hooks and time are
 * the engine's (`authenticator.ts`). A new machine is made for every exchange.
 */
import type { Credentials, ScramCandidate, ScramKeys } from '../api/index.js'

export type Turn =
  | { readonly kind: 'challenge'; readonly data: Buffer }
  /** The `auth` hooks shall look at these; what they say ends the exchange. */
  | { readonly kind: 'check'; readonly credentials: Credentials }
  /** SCRAM: wants the keys of this login, by `keys`. */
  | { readonly kind: 'keys'; readonly login: string; readonly mechanism: ScramKeys['mechanism'] }
  /** SCRAM: the client knows a password. `data` proves that we know its keys; the client's next response ends the exchange. */
  | {
      readonly kind: 'proven'
      readonly login: string
      readonly mechanism: ScramKeys['mechanism']
      readonly candidate: ScramCandidate
      readonly data: Buffer
    }
  /** After `proven`: the client is content. */
  | { readonly kind: 'done' }
  /** `why` is for the log; the peer hears the same words for all of them. */
  | { readonly kind: 'refused'; readonly why: string }
  /** The response breaks the mechanism's grammar. `text` goes to the peer. */
  | { readonly kind: 'malformed'; readonly text: string }

export interface Machine {
  /** `undefined`: no initial response came with the command. */
  respond(response: Buffer | undefined): Turn
  /** `known`: how many of the candidates are real; those behind them are made up, so that a stranger's login looks like any other. */
  keys?(keys: ScramKeys, known: number): Turn
  /** What a client of this mechanism is told in a last challenge when the credentials were refused. */
  readonly failure?: Buffer
}

/** RFC 4616 §2 sets no bound; longer ones are nobody's, and only cost time. */
export const MAX_NAME = 1024
export const MAX_SECRET = 1024
/** JSON web tokens with many claims are long. */
export const MAX_TOKEN = 8192

export function malformed(text: string): Extract<Turn, { kind: 'malformed' }> {
  return { kind: 'malformed', text }
}

export function challenge(text: string): Extract<Turn, { kind: 'challenge' }> {
  return { kind: 'challenge', data: Buffer.from(text) }
}

export function refused(why: string): Extract<Turn, { kind: 'refused' }> {
  return { kind: 'refused', why }
}
