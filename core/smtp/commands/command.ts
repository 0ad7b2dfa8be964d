/**
 * What a command is: a check of order, a pure reader of its arguments, and a run. One file per command; `table.ts` lists them.
 * A reader either reads everything, throws a `ReadError` (501 with what was expected), or gives the one reply that fits better.
 */
import type { SmtpReply } from '../../api/index.js'
import { ReadError } from '../../text/index.js'
import type { Conversation } from '../conversation.js'
import type { Offers } from '../parameters.js'
import { type Answer, syntaxError } from '../replies.js'

/** Everything said without a login on a listener that requires one, and before a greeting. */
export interface CommandRules {
  readonly verb: string
  /** How it is written, for 501 and HELP. */
  readonly usage: string
  /** Left out: both. */
  readonly protocol?: 'smtp' | 'lmtp'
}

export interface Command<A> extends CommandRules {
  /** Order of commands: a reply when it is not its turn. */
  turn?(talk: Conversation): SmtpReply | undefined
  read(argument: string, offers: Offers): A | SmtpReply
  run(talk: Conversation, args: A): Answer | Promise<Answer>
}

/** A command whose arguments nobody else needs to know. */
export interface Bound extends CommandRules {
  execute(talk: Conversation, argument: string): Answer | Promise<Answer>
}

export function bind<A extends object>(command: Command<A>): Bound {
  return {
    verb: command.verb,
    usage: command.usage,
    ...(command.protocol === undefined ? {} : { protocol: command.protocol }),
    execute(talk, argument) {
      const objection = command.turn?.(talk)
      if (objection !== undefined) return objection
      const args = readOrRefuse(command, argument, talk.extensions)
      return isReply(args) ? args : command.run(talk, args)
    },
  }
}

function readOrRefuse<A extends object>(command: Command<A>, argument: string, offers: Offers): A | SmtpReply {
  try {
    return command.read(argument, offers)
  } catch (error) {
    if (error instanceof ReadError) return syntaxError(command.usage, error.expected, error.column)
    throw error
  }
}

export function isReply(value: object): value is SmtpReply {
  return 'code' in value && 'text' in value
}

/** For commands without arguments. */
export function readNothing(argument: string): Record<never, never> {
  if (argument !== '') throw new ReadError(1, 'the end of the line')
  return {}
}
