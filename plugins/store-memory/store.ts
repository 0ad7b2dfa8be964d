/**
 * A whole store in memory: for tests, for trying plugins, and as the plainest reading of the contract. Nothing survives the process.
 */
import { type Acceptance, MailError, type Store } from 'posthouse/api'
import { MemoryBlobs } from './blobs.js'
import { MemoryMail } from './mail.js'
import { MemoryQueue } from './queue.js'
import { MemoryTrail } from './trail.js'
import { type Warn, Watchers } from './watchers.js'

export interface MemoryStoreOptions {
  readonly now?: () => number
  readonly log?: Warn
}

export function createMemoryStore({ now = Date.now, log }: MemoryStoreOptions = {}): Store {
  const watchers = new Watchers(log)
  const blobs = new MemoryBlobs(now)
  const mail = new MemoryMail(blobs, watchers, now)
  const trail = new MemoryTrail()
  const queue = new MemoryQueue({ blobs, mail, trail, watchers, admit }, now)

  /** Checks first; the step it gives cannot fail, so that several make one change. */
  function admit({ message, rows, filings, trail: entries, follow = [] }: Acceptance): () => void {
    if (queue.has(message.id)) throw new MailError('internal', `queue id ${message.id} is in use`)
    blobs.check(message.body)
    mail.check(filings)
    const steps = follow.map(admit)
    return () => {
      const { id, size } = blobs.adopt(message.body)
      const body = { id, size, cuts: message.cuts }
      if (rows.length > 0) queue.add(message, rows, body)
      mail.file(filings, body)
      trail.note(entries)
      blobs.dropUnreferenced(id)
      for (const step of steps) step()
    }
  }

  return {
    blobs,
    queue,
    mail,
    trail,
    async accept(acceptance, lend) {
      admit(acceptance)()
      return lend === undefined ? [] : queue.lend(acceptance.message.id, lend)
    },
    async close() {
      await new Promise(setImmediate)
    },
  }
}
