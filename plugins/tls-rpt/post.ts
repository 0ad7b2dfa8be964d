/**
 * Posts a report (RFC 8460 §5.4): over HTTPS with a certificate that is good for the name, to addresses of our own resolver that may be reached,
 * without redirects, bounded in time; of the answer only the status is looked at. The URL is a stranger's.
 */
import { request } from 'node:https'
import { isIP } from 'node:net'
import type { Resolver } from 'posthouse/api'
import { NetworkSet, printable, UNROUTABLE_NETWORKS } from 'posthouse/text'

export interface PostOptions {
  readonly dns: Resolver
  readonly allowPrivate: boolean
  readonly ca?: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

const UNROUTABLE = new NetworkSet(UNROUTABLE_NETWORKS)
const MAX_HEADER = 16_384
const MAX_ADDRESSES = 4

/** Resolves when the report was taken; throws with words for the log. */
export async function post(url: URL, packed: Buffer, options: PostOptions): Promise<void> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)])
  const addresses = await addressesOf(url, options, signal)
  let last = new Error(`${url.hostname} has no address that may be reached`)
  for (const address of addresses) {
    try {
      return await postTo(address, url, packed, options, signal)
    } catch (error) {
      last = error instanceof Error ? error : new Error('unknown error')
      if (signal.aborted || last instanceof Answered) break
    }
  }
  throw signal.aborted ? new Error('no answer in time') : last
}

/** Another address would say the same. */
class Answered extends Error {}

async function addressesOf(url: URL, options: PostOptions, signal: AbortSignal): Promise<readonly string[]> {
  const { dns, allowPrivate } = options
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const asked = isIP(host) === 0 ? [dns.aaaa(host, signal), dns.a(host, signal)] : [Promise.resolve([host])]
  const answers = await Promise.allSettled(asked)
  const found = answers.flatMap(one => (one.status === 'fulfilled' ? one.value.slice(0, MAX_ADDRESSES) : []))
  return found.filter(address => allowPrivate || !UNROUTABLE.has(address))
}

function postTo(address: string, url: URL, packed: Buffer, { ca }: PostOptions, signal: AbortSignal): Promise<void> {
  const name = url.hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve, reject) => {
    const asking = request({
      host: address,
      port: url.port === '' ? 443 : Number(url.port),
      method: 'POST',
      path: `${url.pathname}${url.search}`,
      headers: {
        host: url.host,
        'content-type': 'application/tlsrpt+gzip',
        'content-length': packed.length,
        'user-agent': 'Posthouse',
        connection: 'close',
      },
      ...(isIP(name) === 0 ? { servername: name } : {}),
      agent: false,
      maxHeaderSize: MAX_HEADER,
      signal,
      ...(ca === undefined ? {} : { ca }),
    })
    asking.on('error', error => reject(new Error(printable(error.message, 200))))
    asking.on('response', response => {
      const { statusCode = 0 } = response
      // What stands behind the status may be endless.
      response.on('error', () => undefined)
      response.destroy()
      if (statusCode >= 200 && statusCode < 300) resolve()
      else reject(new Answered(`${url.host} answers ${statusCode}`))
    })
    asking.end(packed)
  })
}
