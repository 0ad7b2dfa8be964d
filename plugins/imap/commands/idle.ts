/**
 * IDLE (RFC 2177): the client listens until it says DONE. News are told as they come; without any it hears from us now and then.
 */
import { bad, type Done, LOGGED_IN, ok } from '../answer.js'
import { command, readNothing } from '../command.js'
import { ConversationOver } from '../input.js'
import type { Session } from '../session.js'

const LONGEST_LINE = 1000

export const idle = command({
  name: 'IDLE',
  states: LOGGED_IN,
  expunge: 'yes',
  capabilities: [{ name: 'IDLE' }],
  needs: 'IDLE',
  read: readNothing,
  async run(session) {
    session.say('+ Idling, end with DONE')
    const until = session.deps.clock.now() + session.silenceMs
    for (;;) {
      await session.tellUpdates(true)
      await session.output.flush()
      const line = await lineOrNews(session, until)
      if (line !== undefined) return finish(line)
    }
  },
})

function finish(line: string): Done {
  return line.toUpperCase() === 'DONE' ? ok('IDLE done') : bad('Expected DONE')
}

/** `undefined` when there is news, or nothing to say but that we are here. */
async function lineOrNews(session: Session, until: number): Promise<string | undefined> {
  const line = session.input.takeLine(LONGEST_LINE)
  if (line !== undefined) return line
  const left = until - session.deps.clock.now()
  if (left <= 0) throw new ConversationOver('timeout')
  const news = new AbortController()
  session.selected?.notify(() => news.abort())
  const { signal: drain } = session.connection
  const timeoutMs = Math.min(left, session.deps.settings.keepaliveMs)
  const waited = await session.input.more({ timeoutMs, signals: [drain, news.signal] })
  session.selected?.stopNotifying()
  if (waited === 'closed') throw new ConversationOver('closed')
  if (drain.aborted) throw new ConversationOver('drain')
  if (waited === 'timeout') session.say('* OK Still here')
  return undefined
}
