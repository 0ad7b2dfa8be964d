/** Which folders a user's clients show: Dovecot's `subscriptions` of both kinds, and Courier's `courierimapsubscribed`. */
import { join } from 'node:path'
import { linesOf } from '../files.js'

/** Levels as they lie on the disk, with `/` between. */
export async function readSubscriptions(root: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  let levels = /[./]/
  for await (const line of linesOf(join(root, 'subscriptions'))) {
    // The second version has tabs between levels, so that names may have any letter.
    if (line === 'V\t2') levels = /\t/
    else if (line !== '') found.add(line.split(levels).join('/'))
  }
  for await (const line of linesOf(join(root, 'courierimapsubscribed')))
    if (line.startsWith('INBOX.')) found.add(line.slice(6).split('.').join('/'))
  return found
}
