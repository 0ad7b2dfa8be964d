/** One question of the engine of our own, with aliases followed to their end. */
import { MailError } from '../api/index.js'
import type { WireAnswer, WireQuestion } from './packet.js'
import type { WireEngine } from './wire.js'

/** Times that an answer leaves an alias open and its end is asked for. */
const MAX_STEPS = 8

/** RFC 7672 §2.1.3: where an answer ends at an alias, its end is asked for; one step that nobody vouches for spoils all behind it. */
export async function askToTheEnd(engine: WireEngine, question: WireQuestion, name: string): Promise<WireAnswer> {
  let [at, secure, ttl] = [name, true, Number.POSITIVE_INFINITY]
  for (let steps = 0; steps < MAX_STEPS; steps += 1) {
    const found = await engine.ask(question, at)
    secure &&= found.secure
    ttl = Math.min(ttl, found.ttl)
    const open = found.records.length === 0 && found.name !== at && question !== 'cname'
    at = found.name
    if (!open) return { truncated: false, records: found.records, secure, name: at, ttl }
  }
  throw new MailError('dns-unavailable', `${name}: aliases without end`)
}
