/** Notifications of sending services as JSON in the text of a mail: what Amazon SES sends by SNS. */
import type { BounceReading, ComplaintReading, ReadAction, Returned } from './reading.js'
import { MAX_RECIPIENTS } from './reading.js'
import { addressesIn, line, replyIn } from './words.js'

type Json = { readonly [key: string]: unknown }

const MAX_JSON = 256 * 1024

export function readNotification(text: string): BounceReading | ComplaintReading | undefined {
  const start = text.indexOf('{')
  if (start < 0 || start > 200 || !text.includes('notificationType')) return undefined
  const outer = parse(text.slice(start, start + MAX_JSON))
  // SNS puts it as text into a notification of its own
  const json = typeof outer?.Message === 'string' ? parse(outer.Message) : outer
  if (json === undefined) return undefined
  const kind = String(json.notificationType ?? json.eventType ?? '')
  const returned = returnedIn(objectOf(json.mail))
  if (kind === 'Complaint') {
    const complaint = objectOf(json.complaint)
    const recipients = listOf(complaint.complainedRecipients).flatMap(addressOf)
    const feedback = textOf(complaint.complaintFeedbackType) ?? 'abuse'
    return { kind: 'complaint', feedback, recipients, returned }
  }
  const about = objectOf(kind === 'Bounce' ? json.bounce : json.delivery)
  const recipients = listOf(about.bouncedRecipients ?? about.recipients).flatMap(one => {
    const [address] = addressOf(one)
    return address === undefined ? [] : [{ address, ...detailsOf(objectOf(one), kind, about), from: 'fields' as const }]
  })
  return recipients.length === 0 ? undefined : { kind: 'bounce', form: 'json', recipients, returned }
}

/** What stands behind the JSON (a footer) is no part of it; long lines were folded on their way. */
function parse(text: string): Json | undefined {
  for (const end of [text.lastIndexOf('}'), text.search(/\}\n\n/), text.search(/\}\n--/)]) {
    if (end < 0) continue
    try {
      return objectOf(JSON.parse(text.slice(0, end + 1).replace(/\n /g, '')))
    } catch {
      // not the end of it
    }
  }
  return undefined
}

function detailsOf(one: Json, kind: string, about: Json) {
  const said = textOf(one.diagnosticCode ?? about.smtpResponse)?.replace(/^smtp;\s{0,3}/i, '')
  const action = textOf(one.action)?.toLowerCase()
  const status = /^[245]\.\d{1,3}\.\d{1,3}$/.exec(textOf(one.status) ?? '')?.[0]
  const code = said === undefined ? undefined : replyIn(said)?.code
  const passing = about.bounceType === 'Transient' ? 'delayed' : 'failed'
  return {
    action: (action === 'failed' || action === 'delayed'
      ? action
      : kind === 'Delivery'
        ? 'delivered'
        : passing) as ReadAction,
    ...(status === undefined ? {} : { status }),
    ...(code === undefined ? {} : { code }),
    diagnostic: line(said ?? `${textOf(about.bounceType) ?? ''} ${textOf(about.bounceSubType) ?? ''}`),
  }
}

function returnedIn(mail: Json): Returned {
  const messageId = /<?([^<>\s]{1,300})>?/.exec(textOf(objectOf(mail.commonHeaders).messageId) ?? '')?.[1]
  return {
    to: listOf(mail.destination).flatMap(addressOf),
    hops: [],
    ...(messageId === undefined ? {} : { messageId: `<${messageId}>` }),
  }
}

function addressOf(value: unknown): readonly string[] {
  const text = typeof value === 'string' ? value : textOf(objectOf(value).emailAddress)
  return text === undefined ? [] : addressesIn(text).slice(0, 1)
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, MAX_RECIPIENTS) : []
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? line(value) : undefined
}
