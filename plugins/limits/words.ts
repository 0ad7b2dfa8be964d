/** What a refusal says: to the peer in words, to the admin with evidence and how to make an exception. Pure. */
import { type Because, type Defer, defer, type Reject, reject } from 'posthouse/api'
import { formatDuration, formatRate, formatSize } from 'posthouse/text'
import type { Count, Subject } from './rules.js'
import type { Refusal } from './till.js'

export type Moment = 'connect' | 'mail' | 'rcpt' | 'message'

const THINGS: Readonly<Record<Count, string>> = {
  connections: 'connections',
  concurrent: 'connections at the same time',
  messages: 'messages',
  recipients: 'recipients',
  bytes: 'octets of mail',
}

const WHOSE: Readonly<Record<Subject, string>> = {
  network: 'from your network',
  login: 'of your account',
  sender: 'of this sender',
  'sender-domain': "of this sender's domain",
  recipient: 'for this recipient',
}

export function refusalOf(refusal: Refusal, moment: Moment): Reject | Defer {
  const { count, per } = refusal.charge.rule
  const because = becauseOf(refusal)
  const words = `Too many ${THINGS[count]} ${WHOSE[per]}`
  if (moment === 'connect') return defer(`${words}, ${again(refusal)}`, { code: 421, status: '4.7.0', because })
  if (refusal.waitMs === Number.POSITIVE_INFINITY) {
    // RFC 3463 §3.4: no wait makes it smaller. One recipient or message may still pass where several do not.
    if (count === 'bytes')
      return reject(`Larger than all the mail ${WHOSE[per]} may be`, { code: 552, status: '5.3.4', because })
    return defer(`${words} at once`, { code: moment === 'message' ? 451 : 450, because })
  }
  return defer(`${words}, ${again(refusal)}`, { code: moment === 'message' ? 451 : 450, because })
}

function again({ waitMs, charge }: Refusal): string {
  if (charge.rule.count === 'concurrent') return 'close one or try again later'
  if (waitMs === Number.POSITIVE_INFINITY) return 'none are allowed'
  return `try again in ${formatDuration(roundUp(waitMs))}`
}

/** To whole seconds, minutes or hours: nobody needs to know it better. */
function roundUp(ms: number): number {
  const step = ms > 7_200_000 ? 3_600_000 : ms > 120_000 ? 60_000 : 1000
  return Math.ceil(ms / step) * step
}

function becauseOf({ charge, used }: Refusal): Because {
  const { rule, who, limit, by, own, amount } = charge
  const amountOf = (value: number) => (rule.count === 'bytes' ? formatSize(value) : String(value))
  const allowed =
    typeof limit === 'number'
      ? `${limit} at the same time`
      : formatRate(limit, rule.count === 'bytes' ? 'size' : 'count')
  const origin = own ? ', which is its own' : by === undefined ? '' : ` (override ${by})`
  return {
    rule: rule.name,
    evidence: `${who}: ${amountOf(used)} ${THINGS[rule.count]}, ${amountOf(amount)} more wanted; the limit is ${allowed}${origin}`,
    exception: own
      ? `posthouse user change ${who} --limit-${rule.count} LIMIT, or where the directory keeps it`
      : `in plugins.yaml, limits, rule ${rule.name}: "${who}" under \`except\`, or with a limit of its own under \`overrides\``,
  }
}
