/** One recipient's delivery: what every kind of place is given. */
import type { DeliveryCall, Job, JobRecipient } from 'posthouse/api'
import type { Values } from './placeholders.js'

export interface Errand {
  readonly job: Job
  readonly recipient: JobRecipient
  readonly values: Values
  /** Fires when the time is over. */
  readonly signal: AbortSignal
  readonly call: DeliveryCall
}
