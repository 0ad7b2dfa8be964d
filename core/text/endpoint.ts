/**
 * Addresses to listen on and connect to, as admins write them: `127.0.0.1:25`, `[::1]:25`, `mail.example.net:25`, `unix:/run/lmtp`.
 * An IPv6 address needs its brackets, or its last group would be the port.
 */
import { isIPv4, isIPv6 } from 'node:net'

export type EndpointParts =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

const NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/i
const TCP = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):([0-9]{1,5})$/i

export function parseEndpoint(text: string): EndpointParts | undefined {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length)
    // sun_path holds 108 octets with its end mark on Linux, 104 elsewhere
    return path.length > 0 && Buffer.byteLength(path) < 104 && !path.includes('\0') ? { kind: 'unix', path } : undefined
  }
  const [, six, name, digits] = TCP.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65535) return undefined
  if (six !== undefined) return isIPv6(six) ? { kind: 'tcp', host: six, port } : undefined
  if (name === undefined || !isHost(name)) return undefined
  return { kind: 'tcp', host: name.toLowerCase(), port }
}

export function formatEndpoint(parts: EndpointParts | { readonly address: string; readonly port: number }): string {
  if ('address' in parts) return formatEndpoint({ kind: 'tcp', host: parts.address, port: parts.port })
  if (parts.kind === 'unix') return `unix:${parts.path}`
  return parts.host.includes(':') ? `[${parts.host}]:${parts.port}` : `${parts.host}:${parts.port}`
}

/** `::ffff:192.0.2.1` is the IPv4 address it stands for: a listener on `[::]` sees IPv4 clients that way. */
export function plainIp(address: string): string {
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1]
  return mapped !== undefined && isIPv4(mapped) ? mapped : address
}

function isHost(text: string): boolean {
  return /^[0-9.]+$/.test(text) ? isIPv4(text) : NAME.test(text)
}
