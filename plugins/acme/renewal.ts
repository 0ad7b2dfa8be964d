/**
 * Orders a certificate when one is due: one process of all workers and commands at a time, and after a failure not again too soon.
 * Whatever fails, the certificate that is there stays.
 */
import { createSecureContext } from 'node:tls'
import type { Log, Metrics, Notifier, Place, State } from 'posthouse/api'
import { type CertificateFacts, pairTrouble, pemCertificates, printable, readCertificate } from 'posthouse/text'
import { ComeLater } from './come-later.js'
import type { Drawer } from './drawer.js'
import { dueFor, type Held, retryWait } from './schedule.js'
import type { Settings } from './settings.js'

const PLACE = 'order'
const FAILED = 'failed'
const FORGET_MS = 30 * 86_400_000
/** One failure may be anything; a second one wants a person. */
const TELL_FROM = 2
/** An authority that asks for more is asked once a day all the same: what is there must not run out by its mistake. */
const MOST_ASKED_MS = 86_400_000
const ORIGIN = /^# ordered from (\S+)$/m

export interface RenewalParts {
  readonly settings: Settings
  readonly drawer: Drawer
  readonly state: State
  readonly log: Log
  readonly metrics: Metrics
  /** There is one in the server alone. */
  readonly notifier: Notifier | undefined
  readonly clock: { now(): number }
  readonly order: (signal: AbortSignal) => Promise<string>
  /** The server shall take it into use. */
  readonly ready: () => void
  readonly signal: AbortSignal
  readonly random?: () => number
}

export type Renewed =
  | { readonly kind: 'not due' }
  | { readonly kind: 'waits'; readonly until: number }
  | { readonly kind: 'busy' }
  | { readonly kind: 'done'; readonly until: number }
  | { readonly kind: 'failed'; readonly why: string }

interface Failed {
  readonly count: number
  readonly next: number
}

/** `force`: even if none is due and the last failure was just now. */
export async function renew(parts: RenewalParts, force: boolean): Promise<Renewed> {
  const first = await wait(parts, force)
  if (first !== undefined) return first
  const place: Place | undefined = await parts.state.enter(PLACE, 1, parts.clock.now())
  if (place === undefined) return { kind: 'busy' }
  try {
    // another one may have been quicker
    return (await wait(parts, force)) ?? (await orderOne(parts))
  } finally {
    await place.leave()
  }
}

async function wait(parts: RenewalParts, force: boolean): Promise<Renewed | undefined> {
  if (force) return undefined
  const now = parts.clock.now()
  if (dueFor(await heldOf(parts), parts.settings, now) === undefined) return { kind: 'not due' }
  const { next } = await failedOf(parts)
  return now < next ? { kind: 'waits', until: next } : undefined
}

async function heldOf({ drawer, settings }: RenewalParts): Promise<Held | undefined> {
  const text = await drawer.issued(settings.names[0]!)
  const facts = text === undefined ? undefined : readCertificate(text)
  return facts && { facts, directory: ORIGIN.exec(text!)?.[1] }
}

async function orderOne(parts: RenewalParts): Promise<Renewed> {
  const { settings, drawer, state, log, metrics, signal, clock } = parts
  const { names, directory, challenge } = settings
  log.info({ names, directory, challenge }, 'ordering a certificate')
  try {
    await drawer.sweep(clock.now())
    const pem = await parts.order(signal)
    const facts = mustBeGood(pem, names, clock.now())
    await drawer.putIssued(names[0]!, `# ordered from ${directory}\n${pem}`)
    if (dueFor({ facts, directory }, settings, clock.now()) === undefined) await state.remove(FAILED)
    else await noteTooOld(parts, facts)
    metrics.count('issued')
    const until = new Date(facts.until).toISOString()
    log.info({ names, issuer: facts.issuer, until }, 'certificate issued')
    parts.ready()
    return { kind: 'done', until: facts.until }
  } catch (error) {
    const why = printable(String((error as Error).message), 500)
    // the server ends: no fault of anybody
    if (!signal.aborted) await noteFailure(parts, why, error instanceof ComeLater ? error.waitMs : 0)
    return { kind: 'failed', why }
  }
}

/** What the authority sends is looked at before it takes the place of what works, as core will look at it. */
function mustBeGood(pem: string, names: readonly string[], now: number): CertificateFacts {
  const trouble = pairTrouble(pem, pem)
  if (trouble !== undefined) throw new Error(`the authority sent what cannot be used: ${trouble.message}`)
  const chain = pemCertificates(pem)
  const facts = readCertificate(chain[0] ?? '')
  const missing = names.find(name => facts?.names.includes(name) !== true)
  if (facts === undefined || missing !== undefined)
    throw new Error(`the authority sent a certificate without ${missing}`)
  if (facts.until <= now) throw new Error('the authority sent a certificate that has run out: is our clock right?')
  try {
    createSecureContext({ cert: chain.join('\n'), key: pem })
  } catch (error) {
    throw new Error(`the authority sent a chain that cannot be used: ${(error as Error).message}`)
  }
  return facts
}

/** With a clock that is wrong it would be ordered every minute, until the authority gives us none for a week. */
async function noteTooOld(parts: RenewalParts, facts: CertificateFacts): Promise<void> {
  const { next } = await putOff(parts, 0)
  const until = new Date(facts.until).toISOString()
  const told = { names: parts.settings.names, until, next: new Date(next).toISOString() }
  parts.log.warn(told, 'the new certificate is due for renewal already, is the clock right?')
}

/** The next order waits as the ladder says, or as the authority does; `count` is that of the ladder. */
async function putOff(parts: RenewalParts, leastMs: number): Promise<Failed> {
  const { state, clock, random = Math.random } = parts
  const count = (await failedOf(parts)).count + 1
  const now = clock.now()
  const next = now + Math.max(retryWait(count, random()), Math.min(leastMs, MOST_ASKED_MS))
  await state.put(FAILED, JSON.stringify({ count, next } satisfies Failed), now + FORGET_MS)
  return { count, next }
}

async function noteFailure(parts: RenewalParts, why: string, leastMs: number): Promise<void> {
  const { settings, log, metrics, notifier } = parts
  const { count, next } = await putOff(parts, leastMs)
  metrics.count('failed')
  const facts = { names: settings.names, directory: settings.directory, why, failures: count }
  log.error(
    { ...facts, next: new Date(next).toISOString() },
    'certificate could not be ordered, the one before it stays',
  )
  if (count < TELL_FROM) return
  await notifier?.tell({
    about: `acme ${settings.names[0]}`,
    subject: `No certificate for ${settings.names[0]}`,
    text: [
      `The certificate for ${settings.names.join(', ')} could not be ordered from ${settings.directory}, ${count} times in a row.`,
      `The last answer was: ${why}`,
      '',
      `What is there stays in use. The next attempt is on ${new Date(next).toISOString()}, or at once by: posthouse tls renew`,
    ].join('\n'),
  })
}

async function failedOf({ state, clock }: RenewalParts): Promise<Failed> {
  const text = await state.get(FAILED, clock.now())
  return text === undefined ? { count: 0, next: 0 } : (JSON.parse(text) as Failed)
}
