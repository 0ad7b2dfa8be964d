/**
 * May this message go out? An account that has used up its budget is braked: this message and all that follow are held, until an admin
 * has looked and released it. A brake that let go by itself would let a thief send every hour anew.
 */
import { type Account, type Answered, type Asked, type Call, type Clock, hold, type Notifier } from 'posthouse/api'
import { addressKey, formatDate, printable } from 'posthouse/text'
import type { Brake, Ledger } from './ledger.js'
import { budgetOf, KINDS, type Limits } from './limits.js'

export interface JudgeParts {
  readonly ledger: Ledger
  readonly limitsOf: (login: string) => Limits
  readonly domains: { has(domain: string): boolean }
  readonly clock: Clock
  readonly notifier: () => Notifier
  readonly count: (name: 'held' | 'braked') => void
}

/** Once per message, for all its recipients. */
export async function judge(
  { session, envelope }: Asked['message'],
  parts: JudgeParts,
  call: Call,
): Promise<Answered['message']> {
  const { account } = session
  if (account === undefined) return undefined
  const outside = [
    ...new Set(
      envelope.recipients
        .filter(({ address }) => address.domain !== '' && !parts.domains.has(address.domain))
        .map(({ address }) => addressKey(address)),
    ),
  ]
  if (outside.length === 0) return undefined
  const now = parts.clock.now()
  const before = await parts.ledger.brakeOf(account.id, now)
  const brake = before ?? (await spend(account, outside, parts, now))
  if (brake === undefined) return undefined
  parts.count('held')
  if (call.observed !== true) {
    if (before === undefined) {
      parts.count('braked')
      await parts.ledger.brake(brake)
      call.log.warn({ login: printable(account.login), why: brake.why }, 'outgoing mail of an account is braked')
    }
    // Each time, since the first notice may have failed; the notifier sends one.
    await parts.notifier().tell(noticeOf(brake))
  }
  return hold(reasonFor(brake.login), {
    rule: before === undefined ? 'limit-reached' : 'braked',
    evidence: `${printable(brake.login, 100)}: ${brake.why}`,
    exception: `posthouse brake release ${printable(brake.login, 100)}; for good: outgoing-brake: with: { accounts: … }`,
  })
}

/** Why rows of that account are held: the brake's own rows are found by it. */
export function reasonFor(login: string): string {
  return `outgoing brake: ${printable(login, 200)}`
}

/** What is sent is taken from every budget, or the account is braked. */
async function spend(
  account: Account,
  outside: readonly string[],
  { ledger, limitsOf }: JudgeParts,
  now: number,
): Promise<Brake | undefined> {
  const { id, login } = account
  const limits = limitsOf(login)
  const fresh = await ledger.newAmong(id, outside, now)
  for (const kind of KINDS) {
    const budget = budgetOf(kind, limits)
    const amount = kind.counts === 'messages' ? 1 : fresh.length
    if (budget === undefined || amount === 0) continue
    const { granted, used } = await ledger.spend(kind.name, id, amount, budget, now)
    if (!granted) {
      const why = `${Math.ceil(used + amount)} ${kind.says}, ${budget.limit} allowed`
      return { accountId: id, login, since: now, why }
    }
  }
  await ledger.remember(id, outside, now)
  return undefined
}

function noticeOf({ login, since, why }: Brake): Parameters<Notifier['tell']>[0] {
  const who = printable(login, 200)
  return {
    // With its time: a brake that was released and closes again is news.
    about: `outgoing-brake ${who} ${since}`,
    subject: `Outgoing mail of ${who} is held`,
    text: `${who} has sent more than usual: ${why}.
Since ${formatDate(since)} all its mail to other domains is accepted and held. Nothing is lost, and
mail to our own domains is filed as ever.

Has the account fallen into wrong hands? See what waits, and close it:
  posthouse queue ls
  posthouse user change ${who} --disable

Is all well? Send what is held, and let it go on:
  posthouse brake release ${who}

Does it always send that much? Give it limits of its own in plugins.yaml:
  - use: outgoing-brake
    with: { accounts: { '${who}': { new_recipients_per_hour: 5000, … } } }
`,
  }
}
