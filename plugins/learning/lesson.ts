/** A mail as something to be taught. Of long ones the beginning is enough. */
import type { Message } from 'posthouse/api'
import { printOf } from './tokens/pack.js'
import type { Tokens } from './tokens/sink.js'
import { type Found, tokensIn } from './tokens/tokens.js'

/** What is read of a mail. */
export const MOST_READ = 1024 * 1024

export interface Read {
  readonly tokens: Tokens
  readonly print: string
}

export async function readTokens(message: Message): Promise<Found> {
  return tokensIn(message, await message.text())
}

export async function readLesson(message: Message): Promise<Read> {
  const { tokens } = await readTokens(message)
  return { tokens, print: printOf(tokens, message.field('message-id') ?? '') }
}
