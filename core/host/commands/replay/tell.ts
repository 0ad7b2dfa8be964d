/** What a replay has to say: a paragraph or a JSON line for each mail that would fare otherwise, and the sum of it all. */
import type { Finding } from '../../../api/index.js'
import { formatAddress, formatDate, printable } from '../../../text/index.js'
import { many } from '../queue/words.js'
import type { Fate } from './fate.js'
import type { Judged } from './judge.js'
import type { Passed } from './mail.js'

const MAX_TOLD = 12

/** What happens to the mail, as it is told. */
const WORDS: Readonly<Record<Fate, string>> = {
  none: 'accepted',
  greylist: 'greylisted',
  header: 'marked',
  held: 'held',
  junk: 'Junk',
  defer: 'deferred',
  discard: 'discarded',
  reject: 'refused',
}

export function flips({ before, after }: Judged): boolean {
  return after.fates.some((fate, i) => fate !== before.fates[i])
}

export class Summary {
  mails = 0
  flipped = 0
  otherSum = 0
  /** Of which there is nothing but the record. */
  gone = 0
  readonly #ways = new Map<string, number>()

  note(judged: Judged): void {
    const { before, after } = judged
    this.mails += 1
    if (judged.mail.recorded?.whole === false) this.gone += 1
    if (before.sum !== after.sum) this.otherSum += 1
    if (!flips(judged)) return
    this.flipped += 1
    const at = after.fates.findIndex((fate, i) => fate !== before.fates[i])
    const way = `${WORDS[before.fates[at]!]} → ${WORDS[after.fates[at]!]}`
    this.#ways.set(way, (this.#ways.get(way) ?? 0) + 1)
  }

  /** `kept`: plugins whose evidence was left as it was recorded. */
  json(passed: Passed, kept: readonly string[]): object {
    const { mails, flipped, otherSum, gone } = this
    return { summary: { mails, flipped, otherSum, gone, ways: Object.fromEntries(this.#ways), ...passed, kept } }
  }

  lines({ unrecorded, unreadable }: Passed, kept: readonly string[]): readonly string[] {
    const ways = [...this.#ways].sort(([, a], [, b]) => b - a).map(([way, count]) => `  ${count}  ${way}`)
    const others = `${many(this.otherSum, 'message has', 'messages have')} another sum`
    const passed = [
      ...(unrecorded > 0 ? [`${unrecorded} without a record of how they came`] : []),
      ...(unreadable > 0 ? [`${unreadable} that could not be read`] : []),
    ]
    return [
      `${many(this.mails, 'message')} judged again: ${this.flipped === 0 ? 'none would fare otherwise' : `${this.flipped} would fare otherwise`}; ${others}`,
      ...ways,
      ...(this.gone > 0
        ? [`of ${this.gone} only the record is left: other thresholds were tried, but no other rules`]
        : []),
      ...(passed.length > 0 ? [`passed over: ${passed.join(', ')}`] : []),
      ...(kept.length > 0
        ? [`as recorded, since they ask what happened before: ${kept.join(', ')}; --current tries their settings too`]
        : []),
    ]
  }
}

export function jsonOf({ mail, before, after, differences }: Judged): object {
  const { id, messageId, subject, sender, at, recipients } = mail
  return {
    id,
    messageId,
    subject: subject && printable(subject),
    sender: printable(sender),
    ...(at !== undefined && { at: new Date(at).toISOString() }),
    sum: { from: before.sum, to: after.sum },
    recipients: recipients.map(({ address }, i) => ({
      address: formatAddress(address),
      from: before.fates[i],
      to: after.fates[i],
    })),
    ...differences,
  }
}

export function linesOf({ mail, before, after, differences }: Judged): readonly string[] {
  const { id, subject, sender, at, recipients, messageId } = mail
  const when = at === undefined ? '' : `  ${formatDate(at)}`
  const fates = recipients.flatMap(({ address }, i) => {
    const [from, to] = [before.fates[i]!, after.fates[i]!]
    return from === to ? [] : [`  ${printable(formatAddress(address))}: ${WORDS[from]} → ${WORDS[to]}`]
  })
  const { came, went, changed } = differences
  const told = [
    ...came.map(one => `  + ${sentence(one)}`),
    ...went.map(one => `  - ${sentence(one)}`),
    ...changed.map(({ name, from, to }) => `  * ${printable(name, 60)}: ${from} → ${to}`),
  ]
  const more = told.length > MAX_TOLD ? [`  and ${told.length - MAX_TOLD} more (--json has them all)`] : []
  return [
    `${printable(id, 500)}${when}  from ${printable(sender, 320)}  ${before.sum} → ${after.sum} points`,
    `  “${printable(subject ?? '', 100)}”${messageId === undefined ? '' : `  ${printable(messageId, 200)}`}`,
    ...fates,
    ...told.slice(0, MAX_TOLD),
    ...more,
    '',
  ]
}

function sentence({ name, points, shadow, says, plugin }: Finding): string {
  const tried = shadow === undefined ? '' : `, tried out at ${shadow}`
  return `${printable(name, 60)} ${points}${tried}${plugin === undefined ? '' : ` (${plugin})`}: ${printable(says, 200)}`
}
