/** NOOP and CHECK (RFC 3501 §6.1.2, §6.4.1): a client's occasion to hear what happened. Every change is durable already, so CHECK has nothing more to do. */
import { ANY, ok, type State } from '../answer.js'
import { command, readNothing } from '../command.js'
import type { Session } from '../session.js'

const listenOnly = (name: string, states: readonly State[]) =>
  command({
    name,
    states,
    expunge: 'yes',
    read: readNothing,
    async run(session: Session) {
      session.selected?.touch()
      return ok(`${name} done`)
    },
  })

export const noop = listenOnly('NOOP', ANY)
export const check = listenOnly('CHECK', ['selected'])
