/** The one table of commands, with their states in each; CAPA is asked of it. */
import { closest } from 'posthouse/text'
import type { AnyCommand, Standing } from '../command.js'
import { auth } from './auth.js'
import { capa } from './capa.js'
import { dele } from './dele.js'
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

export const COMMANDS: readonly AnyCommand[] = [
  // authorization
  user,
  pass,
  auth,
  stls,
  // both
  capa(standing => capabilitiesOf(standing)),
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
  const always = ['RESP-CODES', 'AUTH-RESP-CODE', 'PIPELINING', 'EXPIRE NEVER']
  const named = standing.state === 'transaction' ? ['IMPLEMENTATION Posthouse'] : []
  return [...COMMANDS.flatMap(command => command.capabilities?.(standing) ?? []), ...always, ...named]
}
