/** The one table of commands, with their states in each; CAPA is asked of it. */
import { closest } from 'posthouse/text'
import type { AnyCommand, Standing } from '../command.js'
import { auth } from './auth.js'
import { capa } from './capa.js'
import { dele } from './dele.js'
import { lang } from './lang.js'
import { list } from './list.js'
import { noop } from './noop.js'
import { pass } from './pass.js'
import { quit } from './quit.js'
import { retr } from './retr.js'
import { rset } from './rset.js'
import { stat } from './stat.js'
import { stls } from './stls.js'
import { top } from './top.js'
import { uidl } from './uidl.js'
import { user } from './user.js'
import { utf8 } from './utf8.js'

export const COMMANDS: readonly AnyCommand[] = [
  // authorization
  user,
  pass,
  auth,
  stls,
  utf8,
  // both
  capa(standing => capabilitiesOf(standing)),
  lang,
  quit,
  // transaction
  stat,
  list,
  uidl,
  retr,
  top,
  dele,
  noop,
  rset,
]

const byName = new Map(COMMANDS.map(command => [command.name, command]))

export function find(name: string): AnyCommand | undefined {
  return byName.get(name)
}

export function meant(word: string): string | undefined {
  return closest(word.toUpperCase(), byName.keys())
}

/** RFC 2449 §6. What the conversation itself does stands here, the rest comes from the commands. */
export function capabilitiesOf(standing: Standing): readonly string[] {
  const always = ['RESP-CODES', 'AUTH-RESP-CODE', 'PIPELINING', 'EXPIRE NEVER', ...loginDelay(standing)]
  const named = standing.state === 'transaction' ? ['IMPLEMENTATION Posthouse'] : []
  return [...COMMANDS.flatMap(command => command.capabilities?.(standing) ?? []), ...always, ...named]
}

/** RFC 2449 §6.5, in seconds. */
function loginDelay({ loginIntervalMs }: Standing): readonly string[] {
  return loginIntervalMs > 0 ? [`LOGIN-DELAY ${Math.ceil(loginIntervalMs / 1000)}`] : []
}
