/**
 * GETQUOTA and GETQUOTAROOT (RFC 9208): what an account uses and may use. It has one quota root, of all its mailboxes, with an empty name. Limits are
 * set by the admin: SETQUOTA is not announced, and refused.
 */

import { LOGGED_IN, no, ok } from '../answer.js'
import type { Capability } from '../capability.js'
import { command } from '../command.js'
import type { Session } from '../session.js'
import { speaksUtf8 } from '../wire/features.js'
import { readMailbox, writeMailbox } from '../wire/mailbox.js'
import type { Reader } from '../wire/reader.js'

const ROOT = '""'

/** RFC 9208 §5 */
const QUOTA: Capability = {
  name: 'QUOTA',
  said: () => ['QUOTA', 'QUOTA=RES-STORAGE', 'QUOTA=RES-MESSAGE', 'QUOTA=RES-MAILBOX'],
}

export const getquotaroot = command({
  name: 'GETQUOTAROOT',
  states: LOGGED_IN,
  expunge: 'yes',
  capabilities: [QUOTA],
  needs: 'QUOTA',
  read(input: Reader) {
    input.space()
    return readMailbox(input)
  },
  async run(session, mailbox) {
    // RFC 9208 §4.1.2: the mailbox need not exist.
    session.say(`* QUOTAROOT ${writeMailbox(mailbox, speaksUtf8(session.features))} ${ROOT}`)
    session.say(await writeQuota(session))
    return ok('That is all')
  },
})

export const getquota = command({
  name: 'GETQUOTA',
  states: LOGGED_IN,
  expunge: 'yes',
  needs: 'QUOTA',
  read(input: Reader) {
    input.space()
    return input.astring('a quota root')
  },
  async run(session, root) {
    if (root !== '') return no('There is no such quota root', 'NONEXISTENT')
    session.say(await writeQuota(session))
    return ok('That is all')
  },
})

export const setquota = command({
  name: 'SETQUOTA',
  states: LOGGED_IN,
  expunge: 'yes',
  needs: 'QUOTA',
  read(input: Reader) {
    input.space()
    input.astring('a quota root')
    input.space()
    if (input.take('()') === undefined) input.list(() => readLimit(input), MOST_LIMITS, 'limits like STORAGE 512')
  },
  run: async () => no('Quotas are set by the administrator', 'NOPERM'),
})

const MOST_LIMITS = 10

function readLimit(input: Reader): void {
  input.atom('a resource like STORAGE')
  input.space()
  input.need(/[0-9]{1,19}/y, 'a limit')
}

/** RFC 9208 §4.2.1: what has no limit is not named. */
async function writeQuota(session: Session): Promise<string> {
  const { mail } = session.deps.store
  const used = await mail.usage(session.accountId)
  const { quotaBytes, quotaMessages } = session.account ?? {}
  const storage = quotaBytes === undefined ? [] : [`STORAGE ${kilobytes(used.bytes)} ${kilobytes(quotaBytes)}`]
  const messages = quotaMessages === undefined ? [] : [`MESSAGE ${used.messages} ${quotaMessages}`]
  const mailboxes = (await mail.list(session.accountId)).length
  return `* QUOTA ${ROOT} (${[...storage, ...messages, `MAILBOX ${mailboxes} ${session.deps.settings.maxMailboxes}`].join(' ')})`
}

/** RFC 9208 §5.1: units of 1024 octets. */
function kilobytes(bytes: number): number {
  return Math.ceil(bytes / 1024)
}
