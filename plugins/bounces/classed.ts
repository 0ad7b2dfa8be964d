/** What the words of a bounce mean: asked of the service `replies`, the same that classes what we hear while sending. */
import type { ClassedReply, Services } from 'posthouse/api'
import type { ReadRecipient } from './reader/reading.js'

export type Classify = (recipient: ReadRecipient) => Promise<Pick<ClassedReply, 'class' | 'rule' | 'says'>>

export function classifierOf(services: Services): Classify {
  return async ({ diagnostic, status, code, remoteMta }) => {
    const text = diagnostic ?? status ?? ''
    if (text === '') return { class: 'unclassed' }
    return services.get('replies').classify({
      text,
      ...(code === undefined ? {} : { code }),
      ...(status === undefined ? {} : { status }),
      ...(remoteMta === undefined ? {} : { remote: remoteMta }),
    })
  }
}
