/**
 * What a command is: a pure `read` of its arguments and a `run`. One file each in `commands/`, listed with their states in its index.
 */
import { Reader } from 'posthouse/text'
import type { Answer } from './answer.js'
import type { Session } from './session.js'

/** RFC 1939 §3; the UPDATE state is what QUIT does. */
export type State = 'authorization' | 'transaction'

/** What capabilities depend on. */
export interface Standing {
  readonly state: State
  readonly tlsOffered: boolean
  /** A login may be sent over this connection. */
  readonly loginAllowed: boolean
  /** What has to pass between two logins of an account; 0: nothing. */
  readonly loginIntervalMs: number
  /** SASL mechanisms, strongest first; none while no login is allowed. */
  readonly mechanisms: readonly string[]
}

export interface Command<Args> {
  readonly name: string
  readonly states: readonly State[]
  /** Reads what follows the name; throws `ReadError`. */
  read(input: Reader): Args
  run(session: Session, args: Args): Promise<Answer> | Answer
  /** What it adds to CAPA. */
  capabilities?(standing: Standing): readonly string[]
}

/** For the table. A command's `run` is given what its own `read` made, nothing else. */
export type AnyCommand = Command<unknown>

const SPACE = / {1,9}/
const DIGITS = /[0-9]{1,10}(?![0-9])/

/** No arguments; blanks at the end are forgiven. */
export function readNothing(input: Reader): undefined {
  input.take(SPACE)
  input.end()
  return undefined
}

export function readMessageNumber(input: Reader): number {
  input.need(SPACE, 'a space')
  return Number(input.need(DIGITS, 'a message number'))
}

export function readOptionalNumber(input: Reader): number | undefined {
  if (input.peek(/ {1,9}[^ ]/)) {
    const number = readMessageNumber(input)
    readNothing(input)
    return number
  }
  return readNothing(input)
}

export function readCount(input: Reader, wish: string): number {
  input.need(SPACE, 'a space')
  return Number(input.need(DIGITS, wish))
}

/** All that follows one space, blanks and all. */
export function readRest(input: Reader, wish: string): string {
  input.need(' ', 'a space')
  return input.need(/[^\0\r\n]+/, wish)
}

/** The name in capitals and a reader for what follows; `undefined` when the line starts with none. */
export function readName(line: string): { readonly name: string; readonly input: Reader } | undefined {
  const input = new Reader(line)
  const name = input.take(/[A-Za-z][A-Za-z0-9]{0,19}(?= |$)/)
  return name === undefined ? undefined : { name: name.toUpperCase(), input }
}
