/** COPY and UID COPY (RFC 3501 §6.4.7): all messages or none, flags and dates kept. */
import { ok } from '../answer.js'
import { command } from '../command.js'
import { readTransfer, transfer } from '../transfer.js'

export const copy = command({
  name: 'COPY',
  states: ['selected'],
  uid: true,
  expunge: 'yes',
  read: readTransfer,
  async run(session, args, uid) {
    const result = await transfer(session, args, uid, 'copy')
    if (result.kind === 'refused') return result.done
    return result.kind === 'nothing' ? ok('There was nothing to copy') : ok('COPY done', result.code)
  },
})
