/**
 * Opens a connection to a directory server: in clear, with TLS from the first octet, or by STARTTLS (RFC 4511 §4.14). STARTTLS is spoken
 * here, in constant octets, and whatever comes behind its answer in clear ends the connection: somebody in between could otherwise have the
 * first answer within TLS written before it. The certificate has to be right.
 */
import { connect, isIP, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { LdapDown } from './trouble.js'

export interface Server {
  readonly url: string
  readonly host: string
  readonly port: number
  readonly tls: 'implicit' | 'starttls' | 'none'
}

export interface SocketOptions {
  readonly timeoutMs: number
  /** Left out: the authorities of the system. */
  readonly ca?: string
  /** In the certificate; left out: the host. */
  readonly serverName?: string
}

const STARTTLS = Buffer.from(`\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037`, 'latin1')
/** Of an answer to STARTTLS, with its words to people. */
const MAX_ANSWER = 4096

export function readServer(url: string, tls: 'starttls' | 'none'): Server {
  const { protocol, hostname, port } = new URL(url)
  const implicit = protocol === 'ldaps:'
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  return { url, host, port: Number(port || (implicit ? 636 : 389)), tls: implicit ? 'implicit' : tls }
}

/** Throws `LdapDown`. One time for all of it. */
export async function openSocket(server: Server, options: SocketOptions): Promise<Socket> {
  const { host, port, url } = server
  const plain = connect({ host, port, noDelay: true })
  let current: Socket = plain
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no connection in time')), options.timeoutMs)
  })
  const work = async () => {
    await once(plain, 'connect')
    if (server.tls === 'starttls') await startTls(plain)
    if (server.tls === 'none') return plain
    const name = options.serverName ?? host
    const secure = tlsConnect({
      socket: plain,
      host: name,
      ...(isIP(name) === 0 && { servername: name }),
      ...(options.ca !== undefined && { ca: options.ca }),
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
    })
    current = secure
    await once(secure, 'secureConnect')
    return secure
  }
  try {
    return await Promise.race([work(), late])
  } catch (error) {
    for (const socket of [plain, current]) {
      socket.on('error', () => undefined)
      socket.destroy()
    }
    throw new LdapDown(`${url}: ${(error as Error).message}`, error)
  } finally {
    clearTimeout(timer)
  }
}

function once(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (how: () => void) => () => {
      socket.off(event, done).off('error', failed).off('close', closed)
      how()
    }
    const done = end(resolve)
    const closed = end(() => reject(new Error('the server closed the connection')))
    const failed = (error: Error) => end(() => reject(error))()
    socket.once(event, done).once('error', failed).once('close', closed)
  })
}

async function startTls(socket: Socket): Promise<void> {
  const answer = new Promise<Buffer>((resolve, reject) => {
    let heard = Buffer.alloc(0)
    const end = (how: () => void) => {
      socket.off('data', onData).off('error', onError).off('close', onClose)
      socket.pause()
      how()
    }
    const onData = (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk])
      const whole = lengthOf(heard)
      if (heard.length > MAX_ANSWER) end(() => reject(new Error('its answer to STARTTLS is too long')))
      else if (whole !== undefined && heard.length >= whole) end(() => resolve(heard))
    }
    const onError = (error: Error) => end(() => reject(error))
    const onClose = () => end(() => reject(new Error('the server closed the connection')))
    socket.on('data', onData).on('error', onError).on('close', onClose)
  })
  socket.write(STARTTLS)
  const octets = await answer
  if (octets.length !== lengthOf(octets)) throw new Error('it said more in clear than its answer to STARTTLS')
  const code = startTlsResult(octets)
  if (code !== 0) throw new Error(`it refused STARTTLS (${code ?? 'no such answer can be'})`)
}

/** Of the message that begins here, with its tag and length; `undefined`: not enough is there to know. */
function lengthOf(octets: Buffer): number | undefined {
  const [, first = 0x100] = octets
  if (first === 0x100) return undefined
  if (first < 0x80) return 2 + first
  const size = first & 0x7f
  if (size === 0 || size > 3) return Number.MAX_SAFE_INTEGER
  return octets.length < 2 + size ? undefined : 2 + size + octets.readUIntBE(2, size)
}

/** The result code of an ExtendedResponse to message 1; `undefined` when it is none. */
function startTlsResult(octets: Buffer): number | undefined {
  const inner = skipHeader(octets, 0x30)
  if (inner === undefined || inner.readUIntBE(0, 3) !== 0x020101) return undefined
  const response = skipHeader(inner.subarray(3), 0x78)
  return response?.[0] === 0x0a && response[1] === 1 ? response[2] : undefined
}

function skipHeader(octets: Buffer, tag: number): Buffer | undefined {
  if (octets[0] !== tag || octets.length < 5) return undefined
  const first = octets[1]!
  const inner = octets.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f))
  return inner.length < 3 ? undefined : inner
}
