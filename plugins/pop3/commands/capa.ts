/** CAPA (RFC 2449 §5): what the commands, asked one by one, say they do in this standing. */
import { type Command, readNothing, type Standing } from '../command.js'

export function capa(capabilities: (standing: Standing) => readonly string[]): Command<undefined> {
  return {
    name: 'CAPA',
    states: ['authorization', 'transaction'],
    read: readNothing,
    run: session => ({ kind: 'list', text: session.texts.capabilities, lines: capabilities(session.standing) }),
  }
}
