/**
 * From rules and a message to actions. Pure. The rules are asked from top to bottom, all of them until one that holds says `stop`; what the delivery
 * agent is told are single actions, so that any other language of rules can tell it the same.
 */
import type { FilingAction } from 'posthouse/api'
import { holds, type Seen } from './conditions.js'
import type { Rule } from './rule.js'

export interface Ran {
  readonly actions: readonly FilingAction[]
  /** Names of the rules that held. */
  readonly held: readonly string[]
}

/** Flags are as in RFC 5232 §2: those of one rule and of all above it count for what it files, and for what is kept in the end. */
export function run(rules: readonly Rule[], seen: Seen): Ran {
  const actions: FilingAction[] = []
  const held: string[] = []
  const flags = new Set<string>()
  let flagged: string | undefined
  const junk = seen.mail.junk !== undefined
  for (const rule of rules) {
    if (junk && !rule.minds) continue
    if (rule.condition !== undefined && !holds(rule.condition, seen)) continue
    held.push(rule.name)
    const because = `rule "${rule.name}"`
    const { file, flag, forward, keep, discard, answer } = rule.actions
    for (const one of flag) flags.add(one)
    if (flag.length > 0) flagged = because
    for (const mailbox of file) actions.push({ kind: 'file', mailbox, flags: [...flags], create: true, because })
    for (const to of forward) actions.push({ kind: 'forward', to, because })
    if (keep) actions.push({ kind: 'keep', flags: [...flags], because })
    if (discard) actions.push({ kind: 'discard', because })
    if (!answer) actions.push({ kind: 'quiet', because })
    if (rule.stop) break
  }
  // What nobody moved stays where it would be, with the flags it was given.
  if (flagged !== undefined && !actions.some(({ kind }) => kind !== 'quiet'))
    actions.push({ kind: 'keep', flags: [...flags], because: flagged })
  return { actions, held }
}

/** Where it alone holds, no copy stays. */
export function mayKeepNone({ actions: { file, forward, keep, discard } }: Rule): boolean {
  return !keep && file.length === 0 && (discard || forward.length > 0)
}
