/**
 * Checks tokens by asking the provider about each (RFC 7662). What it said is kept for minutes at most, under a digest whose key dies with
 * the process; who is asked about the same token meanwhile waits for the same answer, and not more than so many are asked at once.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { Clock } from 'posthouse/api'
import { ask, ProviderDown } from './provider.js'
import type { Checked, Checker, Claims } from './token.js'

const MAX_BYTES = 64 * 1024
const KEPT = 1000
const AT_ONCE = 50
/** A token that is not active never becomes so, but its entry need not outlive a program that insists. */
const REFUSED_MS = 60_000

export interface Client {
  readonly id: string
  readonly secret: string
}

export interface IntrospectionOptions {
  readonly url: string
  readonly client: Client
  readonly issuer: string
  /** Empty: not asked for. */
  readonly audience: readonly string[]
  readonly skewMs: number
  readonly keepMs: number
  readonly timeoutMs: number
  readonly clock: Clock
}

export function introspectionChecker(options: IntrospectionOptions): Checker {
  const secret = randomBytes(32)
  const kept = new Map<string, { readonly checked: Checked; readonly until: number }>()
  const underWay = new Map<string, Promise<Checked>>()
  const now = () => options.clock.now()

  async function question(token: string, key: string): Promise<Checked> {
    const answer = await askAbout(token, options)
    const checked = judge(answer, options, now())
    const end = typeof answer.exp === 'number' ? answer.exp * 1000 : Number.POSITIVE_INFINITY
    const until = checked.kind === 'claims' ? Math.min(end, now() + options.keepMs) : now() + REFUSED_MS
    kept.delete(key)
    kept.set(key, { checked, until })
    if (kept.size > KEPT) kept.delete(kept.keys().next().value!)
    return checked
  }

  return token => {
    const key = createHmac('sha256', secret).update(token).digest('base64')
    const before = kept.get(key)
    if (before !== undefined && before.until > now()) return Promise.resolve(before.checked)
    const asked = underWay.get(key)
    if (asked !== undefined) return asked
    if (underWay.size >= AT_ONCE) return Promise.reject(new ProviderDown(`has ${AT_ONCE} questions to answer`))
    const asking = question(token, key).finally(() => underWay.delete(key))
    underWay.set(key, asking)
    return asking
  }
}

function askAbout(token: string, { url, client, timeoutMs }: IntrospectionOptions): Promise<Claims> {
  const body = new URLSearchParams({ token, token_type_hint: 'access_token' })
  // RFC 6749 §2.3.1: both are form-encoded before they are put together
  const [id, secret] = [client.id, client.secret].map(text => new URLSearchParams([['', text]]).toString().slice(1))
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const headers = { authorization, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }
  return ask(url, { method: 'POST', headers, body: body.toString() }, { timeoutMs, maxBytes: MAX_BYTES })
}

/** RFC 7662 §2.2: all but `active` may be left out. */
function judge(claims: Claims, { issuer, audience, skewMs }: IntrospectionOptions, now: number): Checked {
  const refused = (why: string): Checked => ({ kind: 'refused', why })
  const { active, exp, nbf, iss, aud } = claims
  if (typeof active !== 'boolean') throw new ProviderDown('does not say whether the token is active')
  if (!active) return refused('not active')
  if (typeof exp === 'number' && exp * 1000 + skewMs <= now) return refused('expired')
  if (typeof nbf === 'number' && nbf * 1000 - skewMs > now) return refused('not yet valid')
  if (iss !== undefined && iss !== issuer) return refused('of another issuer')
  const fits = [aud].flat(1).some(one => audience.includes(one as string))
  return audience.length > 0 && !fits ? refused('for another audience') : { kind: 'claims', claims }
}
