/** A "no" that was said, as the trail keeps it. Pure. */
import type { Defer, Reject, TrailEntry } from '../api/index.js'
import { printable } from '../text/index.js'

/** Where in the dialogue a "no" was said; `unfinished`: by the client, who left or took the message back while it came. */
export type RefusedAt = 'connect' | 'greeting' | 'mail' | 'rcpt' | 'data' | 'unfinished'

/** A reply of ours, or the answer of a hook. */
export type Said = Pick<Reject | Defer, 'code' | 'text' | 'plugin' | 'because'> & { readonly status?: string }

/** What refused, in facts. `by` of a plugin's answer: which of its rules, and what it saw. */
export function noFacts(stage: RefusedAt, reply: Said): TrailEntry['facts'] {
  const { code, status, text, plugin, because } = reply
  return {
    stage,
    code,
    ...(status === undefined ? {} : { status }),
    text: printable(text, 500),
    ...(plugin === undefined ? {} : { plugin }),
    ...(because && { rule: printable(because.rule), evidence: printable(because.evidence, 500) }),
  }
}
