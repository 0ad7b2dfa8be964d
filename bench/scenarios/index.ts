/** All scenarios, in the order they are run. */
import type { Scenario } from '../lib/scenario.js'
import { idleSmtp } from './idle-smtp.js'
import { imapFetch } from './imap-fetch.js'
import { origin } from './origin.js'
import { relayOut } from './relay-out.js'
import { smtpIn } from './smtp-in.js'
import { state } from './state.js'

export const SCENARIOS: readonly Scenario[] = [smtpIn, relayOut, imapFetch, idleSmtp, state, origin]
