/**
 * Fetches the policy of a domain over HTTPS (RFC 8461 §3.3): from one fixed place, by addresses of our own resolver, with a certificate that
 * is good for that name, without redirects, and within bounds of octets and time. Throws `PolicyTrouble` with words for the log.
 */
import { X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import type { PeerCertificate } from 'node:tls'
import { printable } from 'posthouse/text'

export interface FetchOptions {
  /** 443 but in tests. */
  readonly port: number
  /** PEM; left out: the authorities Node.js knows. */
  readonly ca?: string
  /** Of the policy host; empty when it has none that may be used. Throws when the name service has trouble. */
  addresses(name: string, signal: AbortSignal): Promise<readonly string[]>
  /** For all of it. */
  readonly timeoutMs: number
}

export class PolicyTrouble extends Error {
  /** The host has answered, and another address of it would say the same. */
  readonly answered: boolean
  /** RFC 8460 §4.3.2.2 */
  readonly failure: 'sts-policy-fetch-error' | 'sts-webpki-invalid'

  constructor(message: string, answered = false, failure: PolicyTrouble['failure'] = 'sts-policy-fetch-error') {
    super(message)
    this.name = 'PolicyTrouble'
    this.answered = answered
    this.failure = failure
  }
}

/** RFC 8461 §3.3: 64 kilobytes. */
const MAX_POLICY = 65_536
const MAX_HEADER = 16_384

/** The text as it was served. */
export async function fetchPolicy(domain: string, options: FetchOptions, signal: AbortSignal): Promise<string> {
  const name = `mta-sts.${domain}`
  const end = Date.now() + options.timeoutMs
  const addresses = await options.addresses(name, signal)
  let last = new PolicyTrouble(`${name} has no address that could be asked`)
  for (const [i, address] of addresses.entries()) {
    if (signal.aborted) break
    // An address that swallows everything leaves the others their share of the time.
    const share = Math.max(1, (end - Date.now()) / (addresses.length - i))
    const during = AbortSignal.any([signal, AbortSignal.timeout(share)])
    try {
      return await get(name, address, options, during)
    } catch (error) {
      last = troubleOf(error, during)
      if (last.answered) break
    }
  }
  throw last
}

/** What Node.js calls troubles with a chain or a name. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO/
const NOT_FOR = 'the certificate is not for'

function troubleOf(error: unknown, during: AbortSignal): PolicyTrouble {
  if (error instanceof PolicyTrouble) return error
  if (during.aborted) return new PolicyTrouble('no answer in time')
  if (!(error instanceof Error)) return new PolicyTrouble('unknown error')
  const code = 'code' in error ? String(error.code) : ''
  const failure = CERTIFICATE.test(code) || error.message.startsWith(NOT_FOR) ? 'sts-webpki-invalid' : undefined
  return new PolicyTrouble(printable(error.message, 200), false, failure)
}

function get(name: string, address: string, { port, ca }: FetchOptions, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request({
      host: address,
      port,
      path: '/.well-known/mta-sts.txt',
      headers: { host: port === 443 ? name : `${name}:${port}`, accept: 'text/plain', connection: 'close' },
      // RFC 8461 §7.1: SNI is the policy host.
      servername: name,
      rejectUnauthorized: true,
      checkServerIdentity: (_, certificate) => wrongName(name, certificate),
      agent: false,
      maxHeaderSize: MAX_HEADER,
      signal,
      ...(ca === undefined ? {} : { ca }),
    })
    asking.on('error', reject)
    asking.on('response', response => {
      response.on('error', reject)
      read(response).then(resolve, (error: unknown) => {
        asking.destroy()
        reject(error)
      })
    })
    asking.end()
  })
}

async function read(response: IncomingMessage): Promise<string> {
  const { statusCode, headers } = response
  // RFC 8461 §3.3: 200 and nothing else; redirects are not followed.
  if (statusCode !== 200) throw new PolicyTrouble(`the policy host answers ${statusCode}`, true)
  const type = headers['content-type'] ?? ''
  if (!/^text\/plain[ \t]*(?:;|$)/i.test(type)) throw new PolicyTrouble('the policy is not text/plain', true)
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_POLICY) throw new PolicyTrouble(`the policy has more than ${MAX_POLICY} octets`, true)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/**
 * RFC 8461 §3.3, §4.2: only DNS names among the alternative names count, and `*` only for the whole leftmost label. For
 * `checkServerIdentity`, which Node.js asks when the chain is good.
 */
export function wrongName(name: string, certificate: PeerCertificate): Error | undefined {
  const found = new X509Certificate(certificate.raw).checkHost(name, { subject: 'never', partialWildcards: false })
  return found === undefined ? new Error(`${NOT_FOR} ${name}`) : undefined
}
