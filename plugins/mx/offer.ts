/**
 * What a peer can be given of a job: the job itself, its variant in 7 bits, or nothing. What cannot be had is a failure by the RFCs, but
 * another host of the domain may be able to.
 */
import type { Job, Outcome, SevenBit } from 'posthouse/api'
import type { Chunkless } from './client/chunkless.js'
import type { Extensions, MailSession } from './client/session.js'
import { secondsUntil } from './mail.js'

type Refusal = Extract<Outcome, { kind: 'failed' }>

export interface Impossible extends Pick<Refusal, 'status' | 'text'> {
  readonly kind: 'impossible'
  /** Another host of the domain may be able to. */
  readonly elsewhere?: true
}

export interface Offer {
  readonly kind: 'offer'
  /** Fit for this peer. */
  readonly job: Job
  /** Octets were changed for it. */
  readonly converted: boolean
  /** Those of the peer that are used. */
  readonly extensions: Extensions
}

export interface OfferWish {
  /** RFC 6531 §3.2: an address or a header field needs it. */
  readonly utf8: boolean
  /** Only by TLS all the way. */
  readonly secret: boolean
  readonly now: number
}

export interface OfferOptions {
  readonly chunkless: Chunkless
  /** RFC 6152 §3 is kept to: 8-bit mail is converted for peers without 8BITMIME. Otherwise it goes as it is. */
  readonly convert: boolean
}

export async function offerTo(
  session: MailSession,
  job: Job,
  wish: OfferWish,
  options: OfferOptions,
): Promise<Offer | Impossible> {
  const extensions = usable(session, options.chunkless)
  const no = forbidden(job, extensions, wish)
  if (no !== undefined) return no
  const fit = await fitFor(job, extensions, options.convert)
  // The other hosts may take 8 bits.
  if (fit.kind === 'impossible') return { elsewhere: true, ...fit }
  // RFC 1870 §4: it would be refused when it is over the announced limit; §5.1: what counts are the octets that go out.
  const fitting = dressed(job, fit.job)
  const { size } = fitting
  if (extensions.size !== undefined && extensions.size > 0 && size > extensions.size) {
    const text = `the message has ${size} octets, the next mail server takes ${extensions.size}`
    return { kind: 'impossible', status: '5.3.4', text }
  }
  return { kind: 'offer', job: fitting, extensions, converted: size !== job.size }
}

/** Of the variant only its octets: the wishes are those of the job at hand. */
function dressed(job: Job, variant: Job): Job {
  if (variant === job) return job
  const { body, prefix, size, chunks, read, sevenBit } = variant
  return { ...job, body, prefix, size, chunks, read, sevenBit }
}

function usable({ connection, extensions }: MailSession, chunkless: Chunkless): Extensions {
  return chunkless.has(connection.remote) ? { ...extensions, chunking: false, binary: false } : extensions
}

async function fitFor(job: Job, { eightBit, binary }: Extensions, convert: boolean): Promise<SevenBit> {
  // RFC 3030 §3: without BINARYMIME never; RFC 6152 §3: without 8BITMIME neither, whatever the sender called it.
  const must = job.body === 'BINARYMIME' ? !binary : convert && !eightBit
  return must ? job.sevenBit() : { kind: 'job', job }
}

function forbidden(job: Job, extensions: Extensions, { utf8, secret, now }: OfferWish): Impossible | undefined {
  // RFC 8689 §4.2.1: the next host is asked.
  if (secret && !extensions.requireTls) {
    const text = 'the message asks for TLS all the way, and the next mail server does not offer REQUIRETLS'
    return { kind: 'impossible', elsewhere: true, status: '5.7.30', text }
  }
  const late = tooLateFor(job, extensions, now)
  if (late !== undefined) return { kind: 'impossible', ...late }
  // RFC 6531 §3.2: without SMTPUTF8 at the next host the message goes back.
  if (!utf8 || extensions.utf8) return undefined
  const text = 'the message needs SMTPUTF8, which the next mail server does not offer'
  return { kind: 'impossible', status: '5.6.7', text }
}

/** RFC 8689 §5: a notification goes on in any case. */
export function mustBeSecret(job: Job): boolean {
  return job.requireTls === true && job.sender !== null
}

/** RFC 2852 §4.1.4.1: what shall go back after its time goes only to servers that see to it. RFC 3463 §3.4, X.3.3, and §3.5, X.4.7. */
function tooLateFor(
  { deliverBy }: Job,
  { leastBySeconds }: Extensions,
  now: number,
): Pick<Refusal, 'status' | 'text'> | undefined {
  if (deliverBy?.mode !== 'return') return undefined
  if (leastBySeconds === undefined) {
    return { status: '5.3.3', text: 'the message has a time limit, and the next mail server does not offer DELIVERBY' }
  }
  const left = secondsUntil(deliverBy.at, now)
  if (left > 0 && left >= leastBySeconds) return undefined
  return { status: '5.4.7', text: 'the next mail server does not take a message with so little time left' }
}
