/**
 * Reads a mail that may be a bounce: fields for programs first (RFC 3464), then the text for people. Never throws, whatever the mail holds;
 * what is not understood is said, with the reason.
 */
import { readComplaint } from './complaint.js'
import { letterOf } from './letter.js'
import { readNotification } from './notification.js'
import { fieldOf, type Outline, outline, returnedOf } from './outline.js'
import { type ProseRecipient, readProse } from './prose.js'
import type { BounceReading, ReadAction, Reading, ReadRecipient, Returned } from './reading.js'
import { answerOf, repliesByRobot, type Signs, saysDelay, saysFailure, signsOf } from './signs.js'
import { holdsStatus, readStatus, type StatusReport } from './status-fields.js'
import { addressesIn } from './words.js'

export interface ReadOptions {
  /** Whether it came from the null sender; left out: as its Return-Path says. */
  readonly nullSender?: boolean
}

export function readBounce(mail: Buffer, { nullSender }: ReadOptions = {}): Reading {
  return readOnce(mail, nullSender, 0)
}

function readOnce(mail: Buffer, nullSender: boolean | undefined, depth: number): Reading {
  const laid = outline(mail)
  if (laid.header.length === 0) return { kind: 'none', why: 'it has no header: not a mail' }
  if (laid.header[0]!.name.startsWith('"')) return { kind: 'none', why: 'it is JSON, not a mail' }
  if (laid.feedback.length > 0 || laid.reportType === 'feedback-report' || complains(laid)) return readComplaint(laid)
  if (laid.status.length === 0 && (laid.receipt || laid.reportType === 'disposition-notification'))
    return { kind: 'receipt', why: 'a notification that it was read (RFC 8098)' }
  const notification = readNotification(laid.text)
  if (notification !== undefined) return notification
  const report = readStatus(reportText(laid))
  const signs = signsOf(laid.header, nullSender)
  const answer = report.recipients.length === 0 ? answerOf(laid.header) : undefined
  if (answer !== undefined && !namesRecipients(laid))
    return { kind: 'auto-reply', why: `the answer of a robot, by ${answer}` }
  const reading = withText(laid, report, signs)
  // A bounce in a bounce: some gateways wrap what they were told themselves.
  if (depth === 0 && laid.inner !== undefined && signs.header > 0 && isPoor(reading)) {
    const inner = readOnce(laid.inner, undefined, depth + 1)
    if (inner.kind === 'bounce' && !isPoor(inner)) return inner
  }
  return reading
}

/** Before RFC 5965 some providers sent the mail with nothing but a subject. */
function complains({ header, returned }: Outline): boolean {
  return returned !== undefined && /^\s{0,3}complaint about message from/i.test(fieldOf(header, 'subject') ?? '')
}

function reportText({ status, text }: Outline): string {
  if (status.length > 0) return status.join('\n\n')
  return holdsStatus(text) ? text : ''
}

/** Nothing but a guess by whom the returned message was written to. */
function isPoor(reading: Reading): boolean {
  return (
    reading.kind === 'unclear' ||
    (reading.kind === 'bounce' && reading.recipients.every(one => one.from === 'returned'))
  )
}

function namesRecipients({ header }: Outline): boolean {
  return fieldOf(header, 'x-failed-recipients') !== undefined
}

function withText(laid: Outline, report: StatusReport, signs: Signs): Reading {
  const letter = letterOf(laid.text)
  const returned = laid.returned ?? letter.returned
  const original = returned === undefined ? undefined : returnedOf(returned)
  const said = letter.lines.join('\n')
  const isReport = report.recipients.length > 0
  const verdict = isReport ? undefined : refusal(laid, signs, said)
  if (verdict !== undefined) return { ...verdict, ...(original === undefined ? {} : { returned: original }) } as Reading
  const prose = readProse({
    lines: letter.lines,
    not: bystanders(laid, original),
    written: new Set(original?.to ?? []),
    named: addressesIn((fieldOf(laid.header, 'x-failed-recipients') ?? '').slice(0, 20_000)),
  })
  const delayed = saysDelay(fieldOf(laid.header, 'subject') ?? '', said)
  const recipients = isReport ? joined(report, prose, delayed) : prose.map(one => acted(one, delayed))
  const common = {
    ...(original === undefined ? {} : { returned: original }),
    ...(report.envelopeId === undefined ? {} : { envelopeId: report.envelopeId }),
    ...(report.reportingMta === undefined ? {} : { reportingMta: report.reportingMta }),
  }
  if (recipients.length === 0) return { kind: 'unclear', why: 'it names no recipient that failed', ...common }
  return { kind: 'bounce', form: isReport ? 'report' : 'text', recipients, ...common } satisfies BounceReading
}

/** Why a mail without fields for programs is none: too little speaks for it. */
function refusal(laid: Outline, signs: Signs, said: string): { kind: 'none' | 'auto-reply'; why: string } | undefined {
  const failure = saysFailure(said)
  if (signs.header === 0) return { kind: 'none', why: 'neither sender nor subject are those of a bounce' }
  // a group of Google's says it in any language, and names who failed in a field
  if (!failure && !namesRecipients(laid) && repliesByRobot(laid.header))
    return { kind: 'auto-reply', why: 'the answer of a robot, by Auto-Submitted' }
  if (signs.header === 1 && !failure) return { kind: 'none', why: 'it does not say that anything failed' }
  return undefined
}

function bystanders({ header }: Outline, original: Returned | undefined): ReadonlySet<string> {
  const told = ['to', 'from', 'delivered-to', 'reply-to'].flatMap(name =>
    addressesIn((fieldOf(header, name) ?? '').slice(0, 2000)),
  )
  return new Set([...told, ...(original?.from === undefined ? [] : [original.from])].map(one => one.toLowerCase()))
}

function acted(one: ProseRecipient, delayed: boolean): ReadRecipient {
  return { ...one, action: delayed ? 'delayed' : 'failed' }
}

/** What the fields leave out is taken from the text. */
function joined(report: StatusReport, prose: readonly ProseRecipient[], delayed: boolean): readonly ReadRecipient[] {
  return report.recipients.flatMap((one, i): ReadRecipient[] => {
    const same = prose.find(({ address }) => address.toLowerCase() === one.address.toLowerCase())
    const told = same ?? (report.recipients.length === 1 ? prose[0] : one.address === '' ? prose[i] : undefined)
    const address = one.address === '' ? (told?.address ?? '') : one.address
    if (address === '') return []
    const poor = one.diagnostic === undefined || one.diagnostic.length < 12
    const { diagnostic, code, remoteMta } = told ?? {}
    const status = one.status ?? told?.status
    return [
      {
        ...one,
        address,
        action: one.action ?? actionBy(status, delayed),
        ...(status === undefined ? {} : { status }),
        ...(poor && diagnostic !== undefined ? { diagnostic } : {}),
        ...(one.code === undefined && code !== undefined && poor ? { code } : {}),
        ...(one.remoteMta === undefined && remoteMta !== undefined ? { remoteMta } : {}),
        from: one.address === '' && told !== undefined ? told.from : one.from,
      },
    ]
  })
}

function actionBy(status: string | undefined, delayed: boolean): ReadAction {
  if (status?.startsWith('2.') === true) return 'delivered'
  return delayed ? 'delayed' : 'failed'
}
