/**
 * The table of commands. Order is the order of their capabilities. Of a capability that is switched off, nobody knows the command.
 */
import { closest } from 'posthouse/text'
import type { AnyCommand } from '../command.js'
import type { Features } from '../wire/features.js'
import { append } from './append.js'
import { authenticate } from './authenticate.js'
import { capability } from './capability.js'
import { close, unselect } from './close.js'
import { compress } from './compress.js'
import { copy } from './copy.js'
import { create } from './create.js'
import { remove } from './delete.js'
import { enable } from './enable.js'
import { expunge } from './expunge.js'
import { fetch } from './fetch.js'
import { id } from './id.js'
import { idle } from './idle.js'
import { list } from './list.js'
import { login } from './login.js'
import { logout } from './logout.js'
import { lsub } from './lsub.js'
import { move } from './move.js'
import { namespace } from './namespace.js'
import { check, noop } from './noop.js'
import { getquota, getquotaroot, setquota } from './quota.js'
import { rename } from './rename.js'
import { replace } from './replace.js'
import { search } from './search.js'
import { examine, select } from './select.js'
import { sort } from './sort.js'
import { starttls } from './starttls.js'
import { status } from './status.js'
import { store } from './store.js'
import { subscribe, unsubscribe } from './subscribe.js'
import { thread } from './thread.js'
import { unauthenticate } from './unauthenticate.js'

export const COMMANDS: readonly AnyCommand[] = [
  // any state
  capability,
  noop,
  logout,
  id,
  // not authenticated
  starttls,
  login,
  authenticate,
  // authenticated
  enable,
  select,
  examine,
  create,
  remove,
  rename,
  subscribe,
  unsubscribe,
  list,
  lsub,
  namespace,
  status,
  getquota,
  getquotaroot,
  setquota,
  append,
  replace,
  idle,
  compress,
  unauthenticate,
  // selected
  check,
  close,
  unselect,
  expunge,
  search,
  sort,
  thread,
  fetch,
  store,
  copy,
  move,
]

const BY_NAME = new Map(COMMANDS.map(command => [command.name, command]))

export function find(name: string, features: Features): AnyCommand | undefined {
  const command = BY_NAME.get(name)
  return command && isOn(command, features) ? command : undefined
}

function isOn({ needs }: AnyCommand, features: Features): boolean {
  return needs === undefined || features.can(needs)
}

/** What somebody may have meant. */
export function suggestion(name: string, features: Features): string | undefined {
  return closest(
    name,
    [...BY_NAME.values()].filter(command => isOn(command, features)).map(command => command.name),
  )
}
