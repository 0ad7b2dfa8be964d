/** Places as they stand in one string: `host:port`, `lmtp:unix:/path`; in lists of hosts the port may be left out. Pure. */
import { isIP } from 'node:net'
import { parseEndpoint } from 'posthouse/text'

export type Endpoint =
  | { readonly kind: 'host'; readonly name: string; readonly port?: number }
  | { readonly kind: 'unix'; readonly path: string }

export interface Short {
  readonly protocol: 'smtp' | 'lmtp'
  readonly endpoint: Endpoint
}

/** The whole way: with port, and perhaps with a protocol in front. */
export function readShort(text: string): Short | undefined {
  const lmtp = text.startsWith('lmtp:')
  const endpoint = readEndpoint(lmtp ? text.slice('lmtp:'.length) : text)
  if (endpoint === undefined || (endpoint.kind === 'host' && endpoint.port === undefined)) return undefined
  // a path alone does not say what is spoken there
  if (endpoint.kind === 'unix' && !lmtp) return undefined
  return { protocol: lmtp ? 'lmtp' : 'smtp', endpoint }
}

export function readEndpoint(text: string): Endpoint | undefined {
  const bare = isIP(text) === 6 ? `[${text}]` : text
  const whole = parseEndpoint(bare)
  if (whole?.kind === 'unix') return whole
  if (whole !== undefined) return whole.port === 0 ? undefined : { kind: 'host', name: whole.host, port: whole.port }
  const named = parseEndpoint(`${bare}:1`)
  return named?.kind === 'tcp' ? { kind: 'host', name: named.host } : undefined
}
