/**
 * How much is answered by datagram to one network. Who forges the address of another makes us write to that one; so beyond a rate nothing is
 * answered, but for some answers that only say "come by TCP", which whoever really asks can do. Bounded, however many networks ask.
 */
import { networkAround } from 'posthouse/text'

export type Allowance = 'answer' | 'by-tcp' | 'nothing'

interface Bucket {
  /** Answers that are left. */
  left: number
  at: number
  /** Not answered so far. */
  over: number
}

const MOST_NETWORKS = 10_000
/** Of those over the rate, each so manieth is told to come by TCP. */
const EACH = 2
const AROUND = { ipv4: 24, ipv6: 56 } as const

export class AnswerRate {
  readonly #perSecond: number
  readonly #buckets = new Map<string, Bucket>()

  /** 0: no limit. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  spend(ip: string, now: number): Allowance {
    if (this.#perSecond === 0) return 'answer'
    const bucket = this.#bucketOf(networkAround(ip, AROUND) ?? ip, now)
    bucket.left = Math.min(this.#perSecond, bucket.left + ((now - bucket.at) * this.#perSecond) / 1000)
    bucket.at = now
    if (bucket.left >= 1) {
      bucket.left--
      return 'answer'
    }
    return ++bucket.over % EACH === 0 ? 'by-tcp' : 'nothing'
  }

  /** When there are too many, the one that was first is forgotten. */
  #bucketOf(network: string, now: number): Bucket {
    const there = this.#buckets.get(network)
    if (there !== undefined) return there
    if (this.#buckets.size >= MOST_NETWORKS) {
      for (const first of this.#buckets.keys()) {
        this.#buckets.delete(first)
        break
      }
    }
    const bucket = { left: this.#perSecond, at: now, over: 0 }
    this.#buckets.set(network, bucket)
    return bucket
  }
}
