/** All commands of ours. A plugin's verb is asked for only when it is not in here. */
import { auth } from './auth.js'
import { bdat } from './bdat.js'
import type { Bound } from './command.js'
import { data } from './data.js'
import { ehlo, helo, lhlo } from './helo.js'
import { helpAbout } from './help.js'
import { mail } from './mail.js'
import { noop } from './noop.js'
import { quit } from './quit.js'
import { rcpt } from './rcpt.js'
import { rset } from './rset.js'
import { starttls } from './starttls.js'
import { expn, vrfy } from './vrfy.js'
import { xclient } from './xclient.js'
import { xforward } from './xforward.js'

const COMMANDS = new Map<string, Bound>(
  [ehlo, helo, lhlo, starttls, auth, mail, rcpt, data, bdat, rset, noop, vrfy, expn, quit, xclient, xforward].map(
    one => [one.verb, one],
  ),
)
COMMANDS.set('HELP', helpAbout(COMMANDS))

export function isOurVerb(verb: string): boolean {
  return COMMANDS.has(verb)
}

/** `undefined` too when the verb belongs to the other protocol. */
export function commandFor(verb: string, protocol: 'smtp' | 'lmtp'): Bound | undefined {
  const command = COMMANDS.get(verb)
  return command?.protocol === undefined || command.protocol === protocol ? command : undefined
}
