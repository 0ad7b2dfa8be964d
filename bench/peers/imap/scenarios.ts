/** All scenarios, in the order they are run: silent connections first, since a server that has worked has memory at hand. Larger ones have files of their own. */
import { sizeName } from '../../lib/table.js'
import { idle } from './idle.js'
import { ABSENT, FREQUENT, type Mail, Mails, rareWord } from './mails.js'
import { imapMix } from './mix.js'
import { appendOf, LARGE, READER, USERS } from './peer.js'
import { type ImapCase, type ImapScenario, logIn, repeated, together } from './scenario.js'

const append: ImapScenario = {
  name: 'append',
  asks: 'How many messages does APPEND take, each on disk before its OK? Every session has a mailbox of its own.',
  unit: 'messages',
  cases: ({ sizes, sessions, seconds }) =>
    sizes.flatMap(size => sessions.map(count => appending(size, count, seconds))),
}

function appending(size: number, sessions: number, seconds: number): ImapCase {
  let mails: readonly Mail[] = []
  return {
    name: `${sessions} × ${sizeName(size)}`,
    warm: 8,
    turn(peer) {
      // Not before it is driven: who only lists the scenarios would wait for them.
      if (mails.length === 0) mails = mailsOf(size)
      return together(sessions, seconds, async (at, over, done) => {
        const session = await logIn(peer, `user${at % USERS}`)
        for (let n = at; !over(); n++) {
          const began = performance.now()
          await session.run(appendOf('INBOX', [{ bytes: mails[n % mails.length]!.bytes }]))
          done(performance.now() - began)
        }
        session.close()
      })
    },
  }
}

function mailsOf(size: number): readonly Mail[] {
  const all = new Mails(size)
  return Array.from({ length: 50 }, (_, n) => all.mail(n))
}

/** Commands of one session, again and again. */
function again(
  name: string,
  times: number,
  commands: readonly [string, ...string[]],
  { select = true, counted }: { readonly select?: boolean; readonly counted?: number } = {},
): ImapCase {
  return {
    name,
    warm: 1,
    async turn(peer) {
      const session = await logIn(peer, READER)
      if (select) await session.run(`SELECT ${LARGE}`)
      const drive = await repeated(session, times, commands, counted)
      session.close()
      return drive
    },
  }
}

const open: ImapScenario = {
  name: 'imap-open-100k',
  asks: 'How long does it take to open a large mailbox, in a new connection and again in the same, and to ask for its STATUS?',
  unit: 'commands',
  large: true,
  cases: () => [
    {
      name: 'first SELECT',
      warm: 1,
      async turn(peer) {
        const latencies: number[] = []
        for (let at = 0; at < 5; at++) {
          const session = await logIn(peer, READER)
          const drive = await repeated(session, 1, [`SELECT ${LARGE}`])
          latencies.push(...drive.latencies)
          session.close()
        }
        return { count: 5, elapsedMs: latencies.reduce((sum, one) => sum + one, 0), latencies, errors: [] }
      },
    },
    again('SELECT again', 10, [`SELECT ${LARGE}`, 'UNSELECT'], { select: false }),
    again('STATUS', 50, [`STATUS ${LARGE} (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)`], { select: false }),
  ],
}

const FETCH_ALL = 'FETCH 1:* (UID FLAGS ENVELOPE)'

const fetchAll: ImapScenario = {
  name: 'imap-fetch-all',
  asks: 'How quickly is a large mailbox listed by FETCH 1:* (UID FLAGS ENVELOPE): the first time anybody asks, and after that?',
  unit: 'messages',
  large: true,
  cases: ({ messages }) => [
    { ...again('cold', 1, [FETCH_ALL], { counted: messages }), warm: 0, once: true },
    again('warm', 2, [FETCH_ALL], { counted: messages }),
    again('UID FLAGS', 2, ['FETCH 1:* (UID FLAGS)'], { counted: messages }),
  ],
}

const search: ImapScenario = {
  name: 'imap-search',
  asks: 'How long does a SEARCH over the texts of a large mailbox take?',
  unit: 'commands',
  large: true,
  cases: ({ messages }) => [
    { ...again('TEXT rare, cold', 1, [`SEARCH TEXT ${rareWord(Math.floor(messages / 3))}`]), warm: 0, once: true },
    again('TEXT rare', 1, [`SEARCH TEXT ${rareWord(Math.floor(messages / 2))}`]),
    again('BODY frequent', 1, [`SEARCH BODY ${FREQUENT}`]),
    again('BODY absent', 1, [`SEARCH BODY ${ABSENT}`]),
    again('FROM', 2, ['SEARCH FROM person77@']),
    again('UNSEEN', 5, ['SEARCH UNSEEN']),
  ],
}

const sort: ImapScenario = {
  name: 'sort',
  asks: 'How long does it take to sort and thread a large mailbox?',
  unit: 'commands',
  large: true,
  cases: () => [
    { ...again('SUBJECT, cold', 1, ['SORT (SUBJECT) UTF-8 ALL']), warm: 0, once: true },
    again('SUBJECT', 2, ['SORT (SUBJECT) UTF-8 ALL']),
    again('REVERSE DATE', 2, ['SORT (REVERSE DATE) UTF-8 ALL']),
    again('FROM SUBJECT', 2, ['SORT (FROM SUBJECT) UTF-8 ALL']),
    again('ARRIVAL', 2, ['SORT (ARRIVAL) UTF-8 ALL']),
    again('THREAD REFERENCES', 2, ['THREAD REFERENCES UTF-8 ALL']),
    again('THREAD ORDEREDSUBJECT', 2, ['THREAD ORDEREDSUBJECT UTF-8 ALL']),
  ],
}

export const SCENARIOS: readonly ImapScenario[] = [idle, imapMix, append, open, fetchAll, search, sort]
