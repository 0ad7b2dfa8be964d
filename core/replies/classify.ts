/** From a reply to its class: the first rule that fits. Pure. */
import type { ClassedReply, ReplyFacts } from '../api/index.js'
import { fits, type ReplyRule, readReply } from './rule.js'

export function classify(rules: readonly ReplyRule[], facts: ReplyFacts): ClassedReply {
  const reply = readReply(facts)
  // What went well needs no class.
  const rule = /^[23]/.test(reply.code) ? undefined : rules.find(one => fits(one, reply))
  if (rule === undefined) return { class: 'unclassed', general: true }
  const { name, says, place, general, action } = rule
  return { class: rule.class, rule: name, says, place, general, ...(action === undefined ? {} : { action }) }
}
