/**
 * Opens a session with one host at one address, as its route, its security and our source say, and tells the log what was odd about it.
 * Throws what `openSession` throws; whose fault it is shows in the log line: ours is an error, theirs is not.
 */
import { isIPv6 } from 'node:net'
import type { Call, TlsResult, TlsResults } from 'posthouse/api'
import { type Place, remoteOf } from './client/connection.js'
import { type MailSession, openSession, type SessionOptions } from './client/session.js'
import { Refused, Trouble } from './client/trouble.js'
import type { Host, HostOptions } from './hosts.js'
import { resultOfError, resultOfSession, type Subject } from './results.js'
import { type Going, objectionOf, securityWords } from './security.js'
import type { Source } from './sources/pools.js'

export interface Errand {
  readonly host: Host
  readonly place: Place
  /** Addresses of the host that come after this one. */
  readonly later: readonly string[]
  readonly plan: Going
  readonly subject: Subject
  /** Left out: the system chooses our address. */
  readonly source?: Source
}

export interface OpeningOptions {
  readonly hosts: HostOptions
  readonly session: SessionOptions
  /** Is told how TLS went. */
  readonly results?: TlsResults
}

export function placeOf({ name, port, path }: Host, address: string): Place {
  return { host: name, address, port, ...(path === undefined ? {} : { path }) }
}

/** Our address for a connection there; `undefined`: this source has none of that family. */
export function localFor(source: Source, { address }: Place): string | undefined {
  return isIPv6(address) ? source.six : source.four
}

export async function openFor(errand: Errand, options: OpeningOptions, { log, signal }: Call): Promise<MailSession> {
  const { host, place, plan, subject } = errand
  const { wish } = subject
  const opened = await told(
    errand,
    options,
    watched(place, options.hosts, openSession(place, sessionOptions(errand, options), signal)),
  )
  const remote = remoteOf(place)
  if (opened.downgraded) log.warn({ remote, why: opened.clear }, 'sending in clear after a TLS failure')
  const objection = objectionOf(opened, plan, wish)
  if (objection !== undefined) log.info({ remote, why: objection }, 'sending although an MTA-STS policy objects')
  const source = sourceWords(errand)
  return {
    ...opened,
    security: securityWords(opened, plan, wish, host),
    assurance: plan.assurance,
    ...(source === undefined ? {} : { source }),
  }
}

function sessionOptions(
  { host, place, later, plan, source }: Errand,
  { hosts, session }: OpeningOptions,
): SessionOptions {
  const { tls, proof } = plan
  const { limits } = session
  const connectMs = hosts.families?.patience(place.address, later, limits.connectMs) ?? limits.connectMs
  const local = source === undefined || place.path !== undefined ? undefined : localFor(source, place)
  return {
    ...session,
    tls,
    limits: { ...limits, connectMs },
    ...(proof === undefined ? {} : { proof }),
    ...(host.manner === undefined ? {} : { manner: host.manner }),
    ...(source === undefined ? {} : { helo: source.helo }),
    ...(local === undefined ? {} : { local }),
  }
}

/** `bulk: 192.0.2.7 (out1.example.net)` */
export function sourceWords({ source, place }: Pick<Errand, 'source' | 'place'>): string | undefined {
  if (source === undefined) return undefined
  const local = place.path === undefined ? localFor(source, place) : undefined
  return `${source.pool}: ${local ?? 'no address'} (${source.helo})`
}

/** What becomes of the connection says something of its family too. */
async function watched(place: Place, hosts: HostOptions, opening: Promise<MailSession>): Promise<MailSession> {
  const families = place.path === undefined ? hosts.families : undefined
  try {
    const session = await opening
    families?.answered(place.address)
    return session
  } catch (error) {
    if (error instanceof Trouble) families?.failed(place.address, error)
    throw error
  }
}

/** And something of TLS at that host. */
async function told(
  { subject, plan, place }: Errand,
  { results }: OpeningOptions,
  opening: Promise<MailSession>,
): Promise<MailSession> {
  const note = (result: TlsResult | undefined) => void (result === undefined ? undefined : results?.note(result))
  try {
    const session = await opening
    note(resultOfSession(subject, plan, session))
    return session
  } catch (error) {
    note(resultOfError(subject, plan, place, error))
    throw error
  }
}

/** Logins and addresses of ours are our admin's matter, and nobody else's. */
export function complain(error: unknown, facts: Readonly<Record<string, unknown>>, { log }: Call): void {
  if (error instanceof Trouble && error.kind === 'login')
    log.error({ ...facts, why: error.message }, 'cannot log in at the mail host')
  else if (error instanceof Trouble && error.kind === 'bind')
    log.error({ ...facts, why: error.message }, 'cannot send from this source')
  else log.info({ ...facts, why: describe(error) }, 'mail host cannot be used')
}

function describe(error: unknown): string {
  return error instanceof Trouble || error instanceof Refused ? error.message : 'unexpected'
}
