/** Why a conversation ends. Thrown wherever it is found out, caught in `conversation.ts` alone. */
export type OverReason =
  | 'quit'
  | 'closed'
  | 'timeout'
  | 'drain'
  | 'line-too-long'
  | 'bad-commands'
  | 'logins'
  /** The client does not read. */
  | 'stalled'
  /** A message could not be sent to its end. */
  | 'torn'
  | 'handshake'
  | 'bug'

export class ConversationOver extends Error {
  readonly reason: OverReason

  constructor(reason: OverReason) {
    super(reason)
    this.name = 'ConversationOver'
    this.reason = reason
  }
}
