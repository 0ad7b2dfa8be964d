/** CLOSE (RFC 3501 §6.4.2) and UNSELECT (RFC 3691): leaving a mailbox, with or without removing what is marked \Deleted. Neither tells of expunges. */
import { ok } from '../answer.js'
import { command, readNothing } from '../command.js'
import { removeDeleted } from './expunge.js'

export const close = command({
  name: 'CLOSE',
  states: ['selected'],
  expunge: 'no',
  read: readNothing,
  async run(session) {
    const selected = session.open
    if (!selected.readOnly) await removeDeleted(session)
    session.unselect()
    return ok('Mailbox closed')
  },
})

export const unselect = command({
  name: 'UNSELECT',
  states: ['selected'],
  expunge: 'no',
  capabilities: [{ name: 'UNSELECT' }],
  needs: 'UNSELECT',
  read: readNothing,
  async run(session) {
    session.unselect()
    return ok('Mailbox closed, nothing removed')
  },
})
