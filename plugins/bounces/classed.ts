/** What the words of a bounce mean: asked of the service `replies`, the same that classes what we hear while sending. */
import type { Services } from 'posthouse/api'
import type { ReadRecipient } from './reader/reading.js'

export interface Classed {
  /** `no-such-user`, `mailbox-full` …; `unclassed`: nobody knows. */
  readonly class: string
  readonly rule?: string
  readonly says?: string
}

interface Replies {
  classify(reply: { text: string; code?: number; status?: string; remote?: string }): Promise<Classed>
}

export type Classify = (recipient: ReadRecipient) => Promise<Classed>

export function classifierOf(services: Services): Classify {
  return async ({ diagnostic, status, code, remoteMta }) => {
    const replies = services.find('replies' as never) as Replies | undefined
    const text = diagnostic ?? status ?? ''
    if (replies === undefined || text === '') return { class: 'unclassed' }
    return replies.classify({
      text,
      ...(code === undefined ? {} : { code }),
      ...(status === undefined ? {} : { status }),
      ...(remoteMta === undefined ? {} : { remote: remoteMta }),
    })
  }
}
