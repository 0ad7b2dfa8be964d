/**
 * Who asks for addresses nobody has, over and over, is looking for those somebody has (a directory harvest). Counted per session, as core
 * knows it, and per network in a budget that fills up again; beyond either, the session is closed for now.
 */
import { type Answered, type Asked, type Budget, type Clock, defer, type Session, type State } from 'posthouse/api'
import { formatDuration, networkAround } from 'posthouse/text'

export interface HarvestTerms {
  readonly state: State
  readonly clock: Clock
  /** Unknown recipients of one session. */
  readonly perSession: number
  readonly perNetwork: Budget
}

export class Harvest {
  readonly #terms: HarvestTerms
  /** A session's network is looked up once. */
  readonly #asked = new WeakSet<Session>()

  constructor(terms: HarvestTerms) {
    this.#terms = terms
  }

  /** Whether `mail` has something to look up. */
  mayAsk({ session }: Asked['mail']): boolean {
    return isStranger(session) && !this.#asked.has(session)
  }

  async mail({ session }: Asked['mail']): Promise<Answered['mail']> {
    const network = strangerFrom(session)
    if (network === undefined) return undefined
    const { state, clock, perNetwork } = this.#terms
    const { used } = await state.spend(keyOf(network), 0, perNetwork, clock.now())
    if (used + 1 > perNetwork.limit) {
      return tooMany(network, {
        rule: 'unknown-per-network',
        evidence: `${network} has asked for ${Math.round(used)} recipients nobody has within ${formatDuration(perNetwork.windowMs)}`,
      })
    }
    this.#asked.add(session)
    return undefined
  }

  rcpt({ session }: Asked['rcpt']): Answered['rcpt'] {
    const { unknown } = session.refused
    const network = unknown < this.#terms.perSession ? undefined : strangerFrom(session)
    if (network === undefined) return undefined
    const evidence = `this session has asked for ${unknown} recipients nobody has`
    return tooMany(network, { rule: 'unknown-per-session', evidence })
  }

  async disconnect({ session }: Asked['disconnect']): Promise<void> {
    const network = strangerFrom(session)
    const { unknown } = session.refused
    if (network === undefined || unknown === 0) return
    const { state, clock, perNetwork } = this.#terms
    const spend = (amount: number) => state.spend(keyOf(network), amount, perNetwork, clock.now())
    const { granted, used } = await spend(Math.min(unknown, perNetwork.limit))
    // more than there is room for: fill it up
    if (!granted) await spend(Math.max(0, Math.floor(perNetwork.limit - used)))
  }
}

/** LMTP is spoken by our own side; those who logged in and trusted networks have reasons of their own. */
function isStranger({ protocol, account, trusted }: Session): boolean {
  return protocol === 'smtp' && account === undefined && !trusted
}

function strangerFrom(session: Session): string | undefined {
  return isStranger(session) ? networkAround(session.remote.address) : undefined
}

function tooMany(network: string, because: { readonly rule: string; readonly evidence: string }): Answered['rcpt'] {
  return defer('Too many unknown recipients, try again later', {
    code: 421,
    status: '4.7.0',
    because: { ...because, exception: `access.yaml: networks: - allow: ${network}` },
  })
}

function keyOf(network: string): string {
  return `unknown/${network}`
}
