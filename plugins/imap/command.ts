/**
 * What a command is. Each has a file in `commands/`, with a pure `read` (octets to typed arguments) and a `run`;
 * `commands/index.ts` lists them. A capability is announced by the module that does it, so it cannot be announced without.
 */
import type { Done, State } from './answer.js'
import type { Capability } from './capability.js'
import type { Session } from './session.js'
import type { CapabilityName } from './wire/features.js'
import type { Reader } from './wire/reader.js'

export interface Command<A> {
  readonly name: string
  readonly states: readonly State[]
  /** `UID name` exists. */
  readonly uid?: boolean
  /**
   * Whether untagged EXPUNGE may be sent before its answer. RFC 3501 §7.4.1: never while FETCH, STORE or SEARCH run, as their numbers
   * would shift under the client; in the UID forms nothing hangs on numbers.
   */
  readonly expunge: 'yes' | 'uid' | 'no'
  /** Those this command does. */
  readonly capabilities?: readonly Capability[]
  /** Switched off, nobody knows the command. */
  readonly needs?: CapabilityName
  /** Reads from behind the name; whoever calls insists on the end of the command. Throws ReadError and nothing else. */
  read(input: Reader): A
  run(session: Session, args: A, uid: boolean): Promise<Done>
  /**
   * A literal is coming that may be too large for memory; the reader stands behind the name and ends with its mark. The octets it may have at most,
   * or the answer that refuses the command.
   */
  largeLiteral?(session: Session, input: Reader, coming: Coming): Promise<number | Done>
}

/** A literal that has been announced. */
export interface Coming {
  readonly size: number
  /** In the UID form of the command. */
  readonly uid: boolean
}

/** A command of any arguments, as the table holds them. */
export interface AnyCommand extends Omit<Command<unknown>, 'run'> {
  run(session: Session, args: unknown, uid: boolean): Promise<Done>
}

/** Forgets the type of the arguments: what `read` returns goes to `run` of the same command and nowhere else. */
export function command<A>(definition: Command<A>): Command<A> & AnyCommand {
  return definition as Command<A> & AnyCommand
}

/** For commands without arguments. */
export function readNothing(): undefined {
  return undefined
}
