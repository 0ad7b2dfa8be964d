/**
 * Reads the routes of the config: what its schema cannot check, the defaults that depend on each other, and the files it names.
 * Faults have their place in plugins.yaml, all of them at once, and say what was expected and what was probably meant.
 */
import { isIP } from 'node:net'
import { ConfigError, type Fault, type Infer, type YamlPath } from 'posthouse/api'
import { closest } from 'posthouse/text'
import type { Manner } from '../client/manner.js'
import { readLogin } from './login.js'
import { readPin } from './pin.js'
import type { Route, RouteTls, Stop } from './route.js'
import type { ROUTE, ROUTES } from './schema.js'
import { domainOf, Senders } from './senders.js'
import { type Endpoint, readEndpoint, readShort } from './short.js'

export type RoutesConfig = Infer<typeof ROUTES>
type RouteConfig = Infer<typeof ROUTE>

/** What reading needs beside the config; a test of names alone leaves it out. */
export interface Reading {
  fault?(path: YamlPath, message: string): Fault
  /** Where a file named in the config is. */
  path?(name: string): string
  /** Text of such a file; throws when there is none. */
  file?(name: string): string
  /** Names of pools. */
  readonly pools?: readonly string[]
  /** Whether look-ups can say that DNSSEC vouches for them. */
  readonly validates?: boolean
}

export type Wrong = (path: YamlPath, message: string) => void

/** By pattern: a domain in A-labels, `.domain` or `*`. */
export function readRoutes(config: RoutesConfig, reading: Reading): ReadonlyMap<string, readonly Route[]> {
  const faults: Fault[] = []
  const place = reading.fault ?? ((path, message) => ({ file: path.join('.'), line: 1, column: 1, message }))
  const wrong: Wrong = (path, message) => faults.push(place(['routes', ...path], message))
  const routes = new Map<string, readonly Route[]>()
  for (const [pattern, entry] of Object.entries(config)) {
    const name = nameOf(pattern)
    if (name === undefined) wrong([pattern], `route "${pattern}": expected a domain, .domain or *`)
    const many = Array.isArray(entry)
    const read = (many ? entry : [entry]).map((one: string | RouteConfig, at) => {
      const path = many ? [pattern, at] : [pattern]
      const { file, line, column } = place(['routes', ...path], '')
      const id = `"${pattern}"${many ? `[${at}]` : ''}`
      const says = `route ${id} (${file.split('/').at(-1)}:${line}:${column})`
      return new RouteReader(path, { id, says }, reading, wrong).read(one)
    })
    if (name !== undefined) routes.set(name, read)
  }
  if (faults.length > 0) throw new ConfigError(faults)
  return routes
}

function nameOf(pattern: string): string | undefined {
  if (pattern === '*') return pattern
  const name = domainOf(pattern.startsWith('.') ? pattern.slice(1) : pattern)
  return name === undefined || !pattern.startsWith('.') ? name : `.${name}`
}

/** RFC 2033 §5: LMTP is not spoken on port 25; 24 is what many use. */
const LMTP_PORT = 24
/** RFC 8314 §3.3 */
const IMPLICIT_TLS_PORT = 465

class RouteReader {
  readonly #named: Pick<Route, 'id' | 'says'>
  readonly #reading: Reading
  readonly #wrong: (path: YamlPath, message: string) => void

  constructor(path: YamlPath, named: Pick<Route, 'id' | 'says'>, reading: Reading, wrong: Wrong) {
    this.#named = named
    this.#reading = reading
    this.#wrong = (inner, message) => wrong([...path, ...inner], message)
  }

  read(entry: string | RouteConfig): Route {
    return typeof entry === 'string' ? this.#short(entry) : this.#long(entry)
  }

  #short(text: string): Route {
    const short = readShort(text)
    if (short === undefined) {
      this.#wrong([], `route: expected host:port, lmtp:host:port or lmtp:unix:/path, found "${text}"`)
      return { ...this.#named, stops: [], manner: { protocol: 'smtp', implicitTls: false } }
    }
    const { protocol, endpoint } = short
    const stop = stopOf(endpoint, { port: 0, mx: false })
    return { ...this.#named, stops: [stop], manner: { protocol, implicitTls: false }, lane: laneOf(protocol, [stop]) }
  }

  #long(entry: RouteConfig): Route {
    const { protocol = 'smtp', implicit_tls: implicitTls = false, server_name: serverName, pool } = entry
    this.#contradictions(entry)
    if (pool !== undefined) this.#knownPool(pool)
    const auth = entry.auth
    const login = auth === undefined ? undefined : readLogin(auth, this.#reading, this.#inside('auth'))
    const manner: Manner = {
      protocol,
      implicitTls,
      ...(serverName === undefined ? {} : { serverName }),
      ...(login === undefined ? {} : { login }),
    }
    const port = entry.port ?? (implicitTls ? IMPLICIT_TLS_PORT : protocol === 'lmtp' ? LMTP_PORT : undefined)
    const stops = this.#stops(entry, port ?? 25)
    const tls = this.#tls(entry)
    return {
      ...this.#named,
      ...this.#senders(entry),
      stops,
      manner,
      ...(port === undefined ? {} : { port }),
      ...(tls === undefined ? {} : { tls }),
      ...(pool === undefined ? {} : { pool }),
      ...(stops.length === 0 ? {} : { lane: laneOf(protocol, stops) }),
    }
  }

  #inside(key: string): Wrong {
    return (path, message) => this.#wrong([key, ...path], message)
  }

  #senders({ from, login }: RouteConfig): Pick<Route, 'from' | 'logins'> {
    const senders = new Senders()
    for (const [at, pattern] of (from ?? []).entries()) {
      if (!senders.add(pattern))
        this.#wrong(['from', at], `expected user@domain, domain, .domain, * or <>, found "${pattern}"`)
    }
    return {
      ...(from === undefined ? {} : { from: senders }),
      ...(login === undefined ? {} : { logins: new Set(login.map(name => name.toLowerCase())) }),
    }
  }

  #stops({ hosts = [], mx = false }: RouteConfig, port: number): readonly Stop[] {
    const weighted = hosts.some(host => typeof host !== 'string' && host.weight !== undefined)
    return hosts.flatMap((host, at) => {
      const text = typeof host === 'string' ? host : host.host
      const path = typeof host === 'string' ? ['hosts', at] : ['hosts', at, 'host']
      const endpoint = readEndpoint(text)
      if (endpoint === undefined) {
        this.#wrong(path, `expected host, host:port or unix:/path, found "${text}"`)
        return []
      }
      const own: { readonly port?: number; readonly weight?: number } = typeof host === 'string' ? {} : host
      if (endpoint.kind === 'host' && endpoint.port !== undefined && own.port !== undefined)
        this.#wrong(['hosts', at, 'port'], `the port stands in host already: "${text}"`)
      if (mx && (endpoint.kind === 'unix' || isIP(endpoint.name) !== 0))
        this.#wrong(path, `with mx: true expected a domain, found "${text}"`)
      const stop = stopOf(endpoint, { port: own.port ?? port, mx })
      return [weighted ? { ...stop, weight: own.weight ?? 1 } : stop]
    })
  }

  #tls({ tls, auth, ca, pin, server_name: serverName, implicit_tls: implicit }: RouteConfig): RouteTls | undefined {
    const proven = auth !== undefined || ca !== undefined || pin !== undefined || serverName !== undefined
    const level = tls ?? (proven && auth?.in_clear !== true ? 'verified' : implicit ? 'required' : undefined)
    if (level === undefined) return undefined
    const authorities = ca === undefined ? undefined : this.#file(ca)
    const pins = pin?.flatMap((text, at) => {
      const read = readPin(text)
      if (read === undefined)
        this.#wrong(
          ['pin', at],
          'expected sha256//BASE64 of a key, or SHA-256 of a certificate in 64 hexadecimal digits',
        )
      return read ?? []
    })
    return {
      level,
      ...(authorities === undefined ? {} : { ca: authorities }),
      ...(pins === undefined ? {} : { pins }),
    }
  }

  #file(name: string): string | undefined {
    try {
      const text = this.#reading.file?.(name) ?? ''
      if (!text.includes('-----BEGIN CERTIFICATE-----')) this.#wrong(['ca'], `there is no certificate in ${name}`)
      return text
    } catch {
      this.#wrong(['ca'], `the file ${name} cannot be read`)
      return undefined
    }
  }

  #contradictions(entry: RouteConfig): void {
    const { hosts, mx, protocol, tls, auth, ca, pin, implicit_tls: implicit } = entry
    if (mx && hosts === undefined) this.#wrong(['mx'], 'mx: true needs hosts, whose mail hosts are looked up')
    if (protocol === 'lmtp' && (hosts === undefined || mx))
      this.#wrong(['protocol'], 'LMTP needs hosts, as nobody is found by MX for it')
    if (tls === 'none' && implicit) this.#wrong(['tls'], 'implicit_tls and tls: none contradict each other')
    if (pin !== undefined && ca !== undefined)
      this.#wrong(['ca'], 'with pin the key is the proof, and no authority is asked: leave out one of the two')
    if (tls !== undefined && tls !== 'verified' && (pin ?? ca) !== undefined)
      this.#wrong(['tls'], `ca and pin are of use only with tls: verified, found ${tls}`)
    if (auth !== undefined && tls === 'none' && auth.in_clear !== true)
      this.#wrong(['tls'], 'a login is not sent in clear; expected required or verified, or in_clear: true in auth')
    if (auth !== undefined && hosts === undefined)
      this.#wrong(['auth'], 'a login needs hosts: it is not for any mail host of the world')
    this.#unknownHost(entry)
  }

  /** Whoever can forge an MX record would get the password. */
  #unknownHost({ mx, tls, auth, pin, server_name: name }: RouteConfig): void {
    if (auth === undefined || !mx || this.#reading.validates === true || pin !== undefined) return
    const verified = (tls ?? (auth.in_clear === true ? undefined : 'verified')) === 'verified'
    if (name === undefined || !verified)
      this.#wrong(
        ['auth'],
        'with mx: true a login needs server_name or pin and tls: verified, or signed MX records (dns.trust_ad)',
      )
  }

  #knownPool(pool: string): void {
    const { pools } = this.#reading
    if (pools === undefined || pools.includes(pool)) return
    const meant = closest(pool, pools)
    const hint = meant === undefined ? `; there are: ${pools.join(', ') || 'none'}` : `, did you mean "${meant}"?`
    this.#wrong(['pool'], `there is no pool "${pool}"${hint}`)
  }
}

function stopOf(endpoint: Endpoint, { port, mx }: { readonly port: number; readonly mx: boolean }): Stop {
  if (endpoint.kind === 'unix') return { kind: 'socket', path: endpoint.path }
  return { kind: mx ? 'mx' : 'host', name: endpoint.name, port: endpoint.port ?? port }
}

/** Mail for the same place shares it, whichever domains lead there. */
function laneOf(protocol: Manner['protocol'], stops: readonly Stop[]): string {
  const places = stops.map(stop => (stop.kind === 'socket' ? `unix:${stop.path}` : `${stop.name}:${stop.port}`))
  return `${protocol === 'lmtp' ? 'lmtp:' : ''}${places.join(',')}`.slice(0, 250)
}
