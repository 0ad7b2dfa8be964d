/**
 * What a `score` hook would be asked about a message that has no session: rules tried on files and on their examples.
 */
import type { Asked, Message } from 'posthouse/api'
import { readPath } from 'posthouse/text'

/** Octets as hooks would see them. */
export type MessageOf = (bytes: Buffer) => Message

/** The envelope's sender is taken from Return-Path, the HELO name from `X-Example-Helo`. */
export function askedAbout(message: Message): Asked['score'] {
  const path = message.field('return-path')
  const sender = path === undefined ? undefined : readPath(path.trim())?.address
  const helo = message.field('x-example-helo')
  const here = { address: '127.0.0.1', port: 0 }
  return {
    message,
    envelope: {
      id: 'example.1',
      // Unknown is not null: a test on the null sender must not fire on files without Return-Path.
      sender: sender === undefined ? { local: 'unknown', domain: 'unknown.invalid' } : sender,
      recipients: [],
      parameters: new Map(),
      utf8: false,
      body: '8BITMIME',
    },
    session: {
      id: 'example',
      protocol: 'internal',
      listener: 'example',
      remote: here,
      local: here,
      extended: true,
      trusted: false,
      refused: { commands: 0, unknown: 0 },
      reverse: async () => ({ kind: 'unknown', why: 'an example' }),
      labels: new Set(),
      ...(helo !== undefined && { helo }),
    },
  }
}
