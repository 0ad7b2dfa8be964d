/**
 * One request: signed, over TLS that is verified, to addresses that may be reached, bounded in time and in what is read.
 * Redirects are not followed: a signed request goes where the admin said, and nowhere else.
 */
import { createHash, createHmac } from 'node:crypto'
import { lookup as systemLookup } from 'node:dns'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { NetworkSet, UNROUTABLE_NETWORKS } from 'posthouse/text'

export interface Posting {
  readonly url: URL
  readonly body: string
  /** Of what is posted: the same for the same events, however often they are sent. */
  readonly id: string
  readonly secret: Buffer
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly timeoutMs: number
  readonly networks: NetworkSet
  readonly signal: AbortSignal
}

export interface Posted {
  readonly status: number
  /** The peer says when to come again. */
  readonly retryAfterMs?: number
}

const UNROUTABLE = new NetworkSet(UNROUTABLE_NETWORKS)
const MAX_HEADER = 16 * 1024
const MAX_RETRY_AFTER_S = 86_400

/** Private addresses only where the admin has named them: a name of the world must not lead into the house. */
export function mayReach(address: string, networks: NetworkSet): boolean {
  return networks.has(address) || !UNROUTABLE.has(address)
}

/** Rejects when there is no answer. */
export function post(posting: Posting): Promise<Posted> {
  const { url, body, networks, timeoutMs } = posting
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0 && !mayReach(host, networks)) return Promise.reject(new Error(`${host} is a private address`))
  const signal = AbortSignal.any([posting.signal, AbortSignal.timeout(timeoutMs)])
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method: 'POST',
      headers: { ...headersOf(posting), 'content-length': Buffer.byteLength(body) },
      agent: false,
      lookup: lookupWithin(networks),
      maxHeaderSize: MAX_HEADER,
      signal,
    })
    request.on('error', error => reject(signal.aborted ? new Error('no answer in time') : error))
    request.on('response', response => {
      const { statusCode: status = 0, headers } = response
      const retryAfterMs = retryAfter(headers['retry-after'])
      resolve({ status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
      // The status is all we want to know; what stands behind it may be endless.
      response.on('error', () => undefined)
      response.destroy()
    })
    request.end(body)
  })
}

/** As Standard Webhooks has it: HMAC-SHA256 over id, time and body, so that neither can be exchanged. */
export function headersOf({ id, now, secret, body }: Pick<Posting, 'id' | 'now' | 'secret' | 'body'>) {
  const timestamp = String(Math.floor(now / 1000))
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'content-type': 'application/json',
    'user-agent': 'Posthouse',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  }
}

export function postingId(eventIds: readonly string[]): string {
  return `msg_${createHash('sha256').update(eventIds.join()).digest('hex').slice(0, 32)}`
}

/** The address that is checked is the address that is used. */
function lookupWithin(networks: NetworkSet): LookupFunction {
  return (hostname, options, callback) => {
    systemLookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '', 0)
      const allowed = found.filter(({ address }) => mayReach(address, networks))
      const [first] = allowed
      if (first === undefined) return callback(new Error(`${hostname} leads to a private address`), '', 0)
      if (options.all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }
}

function retryAfter(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined
  return Math.min(Number(text), MAX_RETRY_AFTER_S) * 1000
}
