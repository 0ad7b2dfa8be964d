/** The connection, as a conversation sees it: lines out, lines in, message data, the handshake. */
import type { SmtpReply, SmtpTurn, TlsFacts } from '../api/index.js'
import type { DataTaker } from './stream.js'

/** RFC 4954 §4: 12288 octets in an authentication exchange; other lines have the limit of server.yaml. */
export const MAX_AUTH_LINE = 12_288

/** The promises reject with `Gone` when the client has left. */
export interface Wire {
  say(reply: SmtpReply): void
  /** The client's next line, whatever it says: for the exchange of AUTH. */
  nextLine(): Promise<Buffer>
  /** Everything from here on is message data, until `take` finds its end. `begun`: of a message that comes in chunks, the first one. */
  receive(take: DataTaker, begun?: number): Promise<void>
  /** The client sent more behind the command that is being answered. */
  readonly pending: boolean
  /** Sends the 220 and runs the handshake. Rejects when it fails: the connection is of no use then. */
  startTls(ready: SmtpReply): Promise<TlsFacts>
  /** Sends the reply and gives the connection away: from here on the session is over. Rejects with `Gone` in the end. */
  turn(turn: SmtpTurn): Promise<never>
}
