/** QUIT (RFC 1939 §4, §6): the UPDATE state. Messages are removed here and only here, and OK means that they are gone. */
import type { Answer } from '../answer.js'
import { type Command, readNothing } from '../command.js'
import type { Session } from '../session.js'

export const quit: Command<undefined> = {
  name: 'QUIT',
  states: ['authorization', 'transaction'],
  read: readNothing,
  async run(session) {
    const trouble = session.state === 'transaction' ? await update(session) : undefined
    const text = session.deleted === 0 ? session.texts.bye : session.texts.byeRemoved(session.deleted)
    return trouble ?? { kind: 'bye', good: true, text, reason: 'quit' }
  },
}

/** The answer when the messages could not be removed: the client hears of it and leaves all the same. */
async function update(session: Session): Promise<Answer | undefined> {
  try {
    session.deleted = await session.maildrop.commit()
    return undefined
  } catch (error) {
    session.connection.log.error({ err: error, marked: session.maildrop.marked }, 'marked messages were not removed')
    return { kind: 'bye', good: false, code: 'SYS/TEMP', text: session.texts.notRemoved, reason: 'quit' }
  }
}
