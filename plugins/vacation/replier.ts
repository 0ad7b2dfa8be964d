/**
 * The service `vacation`: whether a mail is answered, and with what. Who has had an answer is kept in the state, counted over all workers and kept through
 * restarts, so that of two mails that come at once one is answered.
 */
import { createHash } from 'node:crypto'
import type { Account, ArrivedMail, Clock, Metrics, State, Vacation, VacationAnswer, VacationWish } from 'posthouse/api'
import { addressKey, newId } from 'posthouse/text'
import { writeAnswer } from './answer.js'
import { holdsAt, type Settings } from './stored.js'
import { whyNot } from './whom.js'
import { settingInWords } from './words.js'

export interface ReplierParts {
  readonly settings: Pick<Settings, 'of'>
  readonly state: State
  readonly clock: Clock
  readonly metrics: Metrics
  /** Our name. */
  readonly server: string
  /** Answers of one account in a day. */
  readonly perDay: number
}

const DAY_MS = 86_400_000
/** RFC 5230 §4.1 */
export const LEAST_DAYS = 1
export const MOST_DAYS = 365

export function replier(parts: ReplierParts): Vacation {
  return {
    answer: async (account, mail, wish) => {
      const wanted = wish ?? (await standing(parts, account))
      if (wanted === undefined) return undefined
      const answer = await answerFor(parts, account, mail, wanted)
      parts.metrics.count(`vacation.${answer.kind}`)
      return answer
    },
    describe: async account => {
      const setting = await parts.settings.of(account.id)
      return setting === undefined ? [] : [settingInWords(setting, parts.clock.now())]
    },
  }
}

async function standing({ settings, clock }: ReplierParts, { id }: Account): Promise<VacationWish | undefined> {
  const setting = await settings.of(id)
  return setting !== undefined && holdsAt(setting, clock.now()) ? setting : undefined
}

async function answerFor(
  parts: ReplierParts,
  account: Account,
  mail: ArrivedMail,
  wish: VacationWish,
): Promise<VacationAnswer> {
  const fields = await mail.header()
  const { sender } = mail
  const why = whyNot(account, mail, fields, wish, parts.server)
  if (why !== undefined || sender === null) return { kind: 'silent', why: why ?? 'it is from nobody' }
  const { state, clock, perDay } = parts
  const now = clock.now()
  const days = Math.min(MOST_DAYS, Math.max(LEAST_DAYS, wish.days))
  const once = {
    key: `answered/${account.id}/${digest(wish, addressKey(sender))}`,
    budget: { limit: 1, windowMs: days * DAY_MS },
  }
  if (!(await state.spend(once.key, 1, once.budget, now)).granted)
    return { kind: 'silent', why: `its sender has had that answer within ${days} ${days === 1 ? 'day' : 'days'}` }
  if (!(await state.spend(`day/${account.id}`, 1, { limit: perDay, windowMs: DAY_MS }, now)).granted) {
    await state.spend(once.key, -1, once.budget, now)
    return { kind: 'silent', why: `${perDay} answers a day are the most` }
  }
  const id = `${newId(now)}.1`
  return { kind: 'answer', answer: writeAnswer({ id, server: parts.server, now, account, mail, sender, fields, wish }) }
}

/** RFC 5230 §4.2: an answer is known by its handle, or by what it says; counted texts, so that none can stand for two others. */
function digest({ handle, subject, from, text }: VacationWish, sender: string): string {
  const what = handle === undefined ? [subject, from, text] : [handle]
  const hash = createHash('sha256')
  for (const one of [sender, handle === undefined ? 'text' : 'handle', ...what])
    hash.update(one === undefined ? '-' : `${Buffer.byteLength(one)}:${one}`)
  return hash.digest('base64url').slice(0, 22)
}
