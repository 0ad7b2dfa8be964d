/**
 * What is said of a job in MAIL and RCPT: SIZE, BODY, SMTPUTF8, DSN and the others. Pure but for reading the header of a message.
 */
import type { Address, Job, JobRecipient } from 'posthouse/api'
import { formatAddress, fromUnitext, hasRawFields, scanHeader, toAsciiDomain, toUnitext } from 'posthouse/text'
import type { Extensions } from './client/session.js'
import type { Mail } from './client/transaction.js'

/** Header octets looked at. */
const HEADER_LOOK = 65_536

/** RFC 6531 §3.4, §3.6: an address or a field, also of a part, is not ASCII. A message that was merely sent with the parameter does not count. */
export async function needsUtf8(job: Job): Promise<boolean> {
  const addresses = [job.sender, ...job.recipients.map(recipient => recipient.to)]
  if (!addresses.every(address => isAscii(pathOf(address, false)))) return true
  return job.utf8 && hasRawFields(job)
}

/** RFC 5890 §2.3.2.1: without SMTPUTF8 an international domain goes as the name service has it; only a local part has no other form. */
function pathOf(address: Address | null, utf8: boolean): string {
  if (utf8 || address === null || isAscii(address.domain)) return formatAddress(address)
  return formatAddress({ ...address, domain: toAsciiDomain(address.domain) ?? address.domain })
}

function isAscii(text: string): boolean {
  return /^[\x00-\x7f]*$/.test(text)
}

/** RFC 8689 §3: policies of the recipient's domain are to be passed over, as when the mail is about its broken TLS. */
export async function mayPassOverPolicies(job: Pick<Job, 'requireTls' | 'read'>): Promise<boolean> {
  // RFC 8689 §4.1: who asks for both is taken at the stricter word.
  if (job.requireTls === true) return false
  const { fields } = scanHeader(await job.read(0, HEADER_LOOK))
  const wishes = fields.filter(({ name }) => name.toLowerCase() === 'tls-required')
  return wishes.length === 1 && wishes[0]?.raw.trim().toLowerCase() === 'no'
}

/** RFC 2852 §4.1.4: what is left when it is passed on. */
export function secondsUntil(at: number, now: number): number {
  return Math.max(-999_999_999, Math.min(999_999_999, Math.floor((at - now) / 1000)))
}

/** RFC 1870 §6, RFC 6152 §3, RFC 6531 §3.4. `job`: as it was made fit for this peer (`offer.ts`). */
export function mailFor(
  job: Job,
  recipients: readonly JobRecipient[],
  extensions: Extensions,
  utf8: boolean,
  now: number,
  secret = job.requireTls === true,
): Mail {
  const binary = job.body === 'BINARYMIME'
  const parameters = [
    ...(extensions.size === undefined ? [] : [`SIZE=${job.size}`]),
    ...(binary ? ['BODY=BINARYMIME'] : []),
    ...(!binary && extensions.eightBit && (job.body === '8BITMIME' || utf8) ? ['BODY=8BITMIME'] : []),
    ...(utf8 ? ['SMTPUTF8'] : []),
    ...wishParameters(job, extensions, now, secret),
    // RFC 3461 §5.2.1: as the sender said it.
    ...(extensions.dsn && job.ret !== undefined ? [`RET=${job.ret}`] : []),
    ...(extensions.dsn && job.envid !== undefined ? [`ENVID=${job.envid}`] : []),
  ]
  return {
    from: [`FROM:<${pathOf(job.sender, utf8)}>`, ...parameters].join(' '),
    recipients: recipients.map(one => ({
      row: one.row,
      to: rcptTo(one, pathOf(one.to, utf8), extensions, timeIsLost(job, extensions, now)),
    })),
    chunking: extensions.chunking,
    ...(binary ? { binary: job.size } : {}),
    chunks: () => job.chunks(),
  }
}

function wishParameters(
  { deliverBy, priority }: Job,
  extensions: Extensions,
  now: number,
  secret: boolean,
): readonly string[] {
  const by =
    deliverBy === undefined || extensions.leastBySeconds === undefined
      ? []
      : [
          `BY=${secondsUntil(deliverBy.at, now)};${deliverBy.mode === 'return' ? 'R' : 'N'}${deliverBy.trace ? 'T' : ''}`,
        ]
  return [
    // RFC 8689 §2: only where host and certificate are proven.
    ...(secret && extensions.requireTls ? ['REQUIRETLS'] : []),
    ...by,
    ...(extensions.priority && priority !== undefined ? [`MT-PRIORITY=${priority}`] : []),
  ]
}

/** Nobody behind this peer will know of the time limit. */
function timeIsLost({ deliverBy }: Job, { leastBySeconds }: Extensions, now: number): boolean {
  return deliverBy?.mode === 'notify' && leastBySeconds === undefined && now < deliverBy.at
}

function rcptTo({ dsn }: JobRecipient, to: string, extensions: Extensions, timeLost: boolean): string {
  const path = `TO:<${to}>`
  if (!extensions.dsn) return path
  const { orcpt } = dsn
  const notify = timeLost ? withDelay(dsn.notify) : dsn.notify
  return [
    path,
    ...(notify.length === 0 ? [] : [`NOTIFY=${notify.join(',').toUpperCase()}`]),
    ...(orcpt === undefined ? [] : [`ORCPT=${extensions.utf8 ? orcpt : asciiOrcpt(orcpt)}`]),
  ].join(' ')
}

/** RFC 2852 §4.1.4.2: then at least a delay is told, whatever RFC 3461 §5.2.1 says. */
function withDelay(notify: JobRecipient['dsn']['notify']): JobRecipient['dsn']['notify'] {
  if (notify.length === 0) return ['failure', 'delay']
  return notify.includes('never') || notify.includes('delay') ? notify : [...notify, 'delay']
}

/** RFC 6533 §3: UTF-8 is for servers that read it; others get unitext. Only the type `utf-8` can hold it. */
function asciiOrcpt(orcpt: string): string {
  const cut = orcpt.indexOf(';') + 1
  return isAscii(orcpt) ? orcpt : `${orcpt.slice(0, cut)}${toUnitext(fromUnitext(orcpt.slice(cut)))}`
}

/** An address that would break out of its command line; reading has refused such long before. */
export function isSpeakable(recipient: JobRecipient): boolean {
  return !/[\x00-\x1f\x7f]/.test(formatAddress(recipient.to))
}
