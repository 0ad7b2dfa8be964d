/** NOOP (RFC 5321 §4.1.1.9): says OK to anything. */
import { REPLY } from '../replies.js'
import { bind } from './command.js'

export const noop = bind({ verb: 'NOOP', usage: 'NOOP [anything]', read: () => ({}), run: () => REPLY.ok })
