/**
 * MOVE and UID MOVE (RFC 6851). One step in the store, so no message is ever in both mailboxes or in none.
 */
import { no, ok } from '../answer.js'
import { command } from '../command.js'
import { readTransfer, transfer } from '../transfer.js'
import { toldUpTo } from './expunge.js'

export const move = command({
  name: 'MOVE',
  states: ['selected'],
  uid: true,
  expunge: 'yes',
  capabilities: [{ name: 'MOVE' }],
  needs: 'MOVE',
  read: readTransfer,
  async run(session, args, uid) {
    if (session.open.readOnly) return no('The mailbox is open for reading only', 'READ-ONLY')
    const result = await transfer(session, args, uid, 'move')
    if (result.kind === 'refused') return result.done
    if (result.kind === 'nothing') return ok('There was nothing to move')
    // RFC 6851 §4.3: before the EXPUNGEs, which follow with the news.
    if (result.code !== undefined) session.say(`* OK [${result.code}] Moved`)
    return ok('MOVE done', await toldUpTo(session))
  },
})
