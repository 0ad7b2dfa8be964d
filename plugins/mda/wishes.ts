/**
 * Carries out what the owner of a mailbox wishes for a message, as far as that is data: which copies, whereto it goes on, what answers it. Decided is it
 * by others (services `filing-rules` and `vacation`); kept here are the bounds. Wishes that cannot be read hold no mail up for ever, and lose none.
 */
import {
  type Account,
  type ArrivedMail,
  type Call,
  type FilingAction,
  type FilingRules,
  type Forward,
  MailError,
  type MailStore,
  unreachable,
  type Vacation,
  type VacationAnswer,
} from 'posthouse/api'
import { newMailboxName, normaliseFlags, printable } from 'posthouse/text'
import { type ForwardAction, type ForwardParts, forwardsOf } from './forwards.js'

/** Where a copy belongs. */
export interface Place {
  readonly mailbox: string
  readonly flags: readonly string[]
}

export interface WishParts {
  readonly mail: Pick<MailStore, 'find'>
  readonly forwards: ForwardParts
  readonly rules: () => FilingRules | undefined
  readonly vacation: () => Vacation | undefined
}

export interface Wished {
  readonly places: readonly Place[]
  readonly forwards: readonly Forward[]
  readonly because?: string
  readonly notes: readonly string[]
  /** Asked for last, when all the rest is sure: who has had an answer gets no other for days. */
  answer(): Promise<VacationAnswer | undefined>
  /** It is not carried out after all. */
  undo(): Promise<void>
}

const FAILED = 'The filing rules failed: it is kept as without them'
/** More copies of one message in one account are no wish. */
const MOST_COPIES = 20

/** Nothing: nobody could wish anything. `usual`: where it belongs without a wish. */
export async function wishesFor(
  parts: WishParts,
  account: Account,
  mail: ArrivedMail,
  usual: Place,
  call: Pick<Call, 'log'>,
): Promise<Wished | undefined> {
  if (parts.rules() === undefined && parts.vacation() === undefined) return undefined
  const asked = await actionsFor(parts, account, mail, call)
  const actions = asked ?? []
  const placed = await placesOf(parts, account, actions, usual)
  const { forwards, notes, undo } = await forwardsOf(parts.forwards, account, mail, actions.filter(isForward), call)
  // What was to be nowhere but there, and does not get there, stays, whatever else was thrown away.
  const lost = placed.places.length === 0 && forwards.length === 0 && actions.some(isForward)
  const because = lost ? undefined : becauseOf(actions)
  return {
    places: lost ? [usual] : placed.places,
    forwards,
    ...(because === undefined ? {} : { because }),
    notes: [...(asked === undefined ? [FAILED] : []), ...placed.notes, ...notes],
    answer: () => answerTo(parts, account, mail, actions, call),
    undo,
  }
}

/** RFC 5228 §2.10.6: rules with a fault of their own keep the mail where it would be without them, and say so. Nothing: they have one. */
async function actionsFor(
  { rules }: WishParts,
  account: Account,
  mail: ArrivedMail,
  call: Pick<Call, 'log'>,
): Promise<readonly FilingAction[] | undefined> {
  try {
    return (await rules()?.actionsFor(account, mail, call)) ?? []
  } catch (error) {
    if (error instanceof MailError && error.temporary) throw error
    call.log.error({ err: error, id: mail.id, account: account.id }, 'filing rules failed, mail is kept')
    return undefined
  }
}

/** An answer is a courtesy: trouble with it holds up no mail. */
async function answerTo(
  { vacation }: WishParts,
  account: Account,
  mail: ArrivedMail,
  actions: readonly FilingAction[],
  call: Pick<Call, 'log'>,
): Promise<VacationAnswer | undefined> {
  // What rules throw away is not answered either, unless they say so.
  const wished = actions.find(action => action.kind === 'answer')
  const thrown = actions.some(({ kind }) => kind === 'discard') && !actions.some(isKept)
  if (actions.some(({ kind }) => kind === 'quiet') || (thrown && wished === undefined)) return undefined
  try {
    return await vacation()?.answer(account, mail, wished?.wish)
  } catch (error) {
    call.log.error({ err: error, id: mail.id, account: account.id }, 'vacation answer failed')
    return undefined
  }
}

function isKept({ kind }: FilingAction): boolean {
  return kind === 'keep' || kind === 'file' || kind === 'forward'
}

function isForward(action: FilingAction): action is ForwardAction {
  return action.kind === 'forward'
}

/** RFC 5228 §2.10.2, §2.10.3: kept unless an action says otherwise, and once in each mailbox. */
async function placesOf(
  { mail }: WishParts,
  { id }: Account,
  actions: readonly FilingAction[],
  usual: Place,
): Promise<{ readonly places: readonly Place[]; readonly notes: readonly string[] }> {
  const places = new Map<string, Place>()
  const notes: string[] = []
  const put = (mailbox: string, flags: readonly string[]) => {
    const before = places.get(mailbox)?.flags ?? []
    places.set(mailbox, { mailbox, flags: normaliseFlags([...before, ...flags]) })
  }
  let elsewhere = false
  for (const action of actions) {
    switch (action.kind) {
      case 'keep':
        put(usual.mailbox, [...usual.flags, ...action.flags])
        break
      case 'file': {
        const known = newMailboxName(action.mailbox)
        const there = known !== undefined && (action.create || (await mail.find(id, known)) !== undefined)
        if (!there) notes.push(`There is no mailbox ${printable(action.mailbox, 100)}`)
        if (there) put(known, action.flags)
        else put(usual.mailbox, [...usual.flags, ...action.flags])
        break
      }
      case 'forward':
      case 'discard':
        elsewhere = true
        break
      case 'answer':
      case 'quiet':
        break
      default:
        unreachable(action)
    }
  }
  if (places.size === 0 && !elsewhere) put(usual.mailbox, usual.flags)
  return { places: [...places.values()].slice(0, MOST_COPIES), notes }
}

/** Of what decided about the copies. */
function becauseOf(actions: readonly FilingAction[]): string | undefined {
  const deciding = actions.filter(({ kind }) => kind === 'keep' || kind === 'file' || kind === 'discard')
  const names = [...new Set(deciding.map(({ because }) => because))]
  return names.length === 0 ? undefined : names.join(', ')
}
