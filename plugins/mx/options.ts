/** What a delivery stands on: hosts, sessions and their pool, policies, our own addresses. Made once by the plugin, and the same for every job. */
import type { Clock, TlsResults } from 'posthouse/api'
import type { SessionOptions } from './client/session.js'
import type { HostOptions } from './hosts.js'
import type { OfferOptions } from './offer.js'
import type { Paces } from './paces.js'
import type { SessionPool } from './pool.js'
import type { Rests } from './rests.js'
import type { Sites } from './sites.js'
import type { Pools } from './sources/pools.js'
import type { WarmUp } from './sources/warm-up.js'
import type { Policies } from './sts/policies.js'

/** Our own addresses, and what it takes to choose among them. */
export interface Sources {
  readonly pools: Pools
  readonly warmUp: WarmUp
  /** Of sources that are none of ours. */
  readonly rests: Rests
  readonly clock: Clock
  readonly random: () => number
}

export interface DeliveryOptions {
  readonly hosts: HostOptions
  readonly session: SessionOptions
  /** Authorities to believe where certificates are looked at, in PEM; left out: those Node.js knows. */
  readonly ca?: string
  /** Left out: policies of domains are not looked at. */
  readonly policies?: Policies
  readonly pool: SessionPool
  readonly offer: OfferOptions
  readonly paces: Paces
  /** Is told how TLS went, session by session. */
  readonly results?: TlsResults
  /** Left out: there are no pools of our addresses. */
  readonly sources?: Sources
  /** Of logins; left out: each is tried again with the next message. */
  readonly logins?: Rests
  /** Connection attempts for one job, over all hosts and addresses. */
  readonly maxAttempts: number
  /** Left out: every domain is a site of its own. */
  readonly sites?: Sites
}
