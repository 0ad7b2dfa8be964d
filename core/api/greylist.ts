/**
 * Asking somebody to come again (service `greylist`): for policies that find a message suspicious and would let time speak. Who has come again
 * already, or has proven itself, is let through.
 */
import type { Defer } from './answers.js'
import type { Asked, Call } from './hooks.js'

export type GreylistAnswer =
  /** Come again later. */
  | { readonly kind: 'wait'; readonly defer: Defer }
  /** `waited`: it has come again; `proven`: its network is known; `spared`: it is never asked (an account, a trusted network, a recipient who wants none). */
  | { readonly kind: 'pass'; readonly why: 'waited' | 'proven' | 'spared' }

export interface Greylist {
  /** Counts as an attempt, by where it comes from, its sender and this recipient. Never throws: trouble lets through. */
  ask(asked: Pick<Asked['message'], 'session' | 'envelope' | 'recipient'>, call: Call): Promise<GreylistAnswer>
}
