/** All scenarios, in the order they are run. */
import type { Scenario } from '../lib/scenario.js'
import { fullPath } from './full-path.js'
import { hooks } from './hooks.js'
import { idle10k } from './idle-10k.js'
import { imapFetch } from './imap-fetch.js'
import { imapLarge } from './imap-large.js'
import { memory } from './memory.js'
import { origin } from './origin.js'
import { pop3Drain } from './pop3-drain.js'
import { relayOut } from './relay-out.js'
import { rules } from './rules.js'
import { smtpIn } from './smtp-in.js'
import { startUp } from './start-up.js'
import { state } from './state.js'
import { storeAppend } from './store-append.js'
import { workers } from './workers.js'

export const SCENARIOS: readonly Scenario[] = [
  smtpIn,
  relayOut,
  fullPath,
  hooks,
  workers,
  rules,
  storeAppend,
  imapFetch,
  pop3Drain,
  startUp,
  ...imapLarge,
  memory,
  idle10k,
  state,
  origin,
]
