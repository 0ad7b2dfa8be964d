/**
 * What the owner of a mailbox wants done with mail that comes for it: actions, as data. Who decides (the service `filing-rules`: simple rules today,
 * scripts tomorrow) never carries them out; the delivery agent does, and keeps the bounds: no loops, a number a day, nothing for mail taken
 * for spam. The actions are those of Sieve (RFC 5228 §4, RFC 5232, RFC 5230), under our names.
 */
import type { Account } from './accounts.js'
import type { Address } from './address.js'
import type { Answer } from './delivery.js'
import type { Call } from './hooks.js'
import type { HeaderField } from './session.js'

/** `because` names whose wish it is: `rule "lists"`. */
export type FilingAction =
  /** Where it would be without any wish: INBOX, the mailbox of its tag, Junk for what was taken for spam. */
  | { readonly kind: 'keep'; readonly flags: readonly string[]; readonly because: string }
  /** RFC 5228 §4.1, RFC 5490 §3.2. Without `create` a mailbox that is not there is INBOX. */
  | {
      readonly kind: 'file'
      readonly mailbox: string
      readonly flags: readonly string[]
      readonly create: boolean
      readonly because: string
    }
  /** RFC 5228 §4.2, redirect. */
  | { readonly kind: 'forward'; readonly to: Address; readonly because: string }
  /** RFC 5228 §4.4: nothing is kept, but for what other actions keep. */
  | { readonly kind: 'discard'; readonly because: string }
  /** RFC 5230. At most one counts. */
  | { readonly kind: 'answer'; readonly wish: VacationWish; readonly because: string }
  /** Nobody is answered, whatever else is set. */
  | { readonly kind: 'quiet'; readonly because: string }

/** RFC 5230 §4: what a vacation answer says, and how often. */
export interface VacationWish {
  /** Plain text. */
  readonly text: string
  /** Left out: `Auto: ` and the subject of the mail. */
  readonly subject?: string
  /** A mailbox as From has it; left out: the address the mail came for. */
  readonly from?: string
  /** More addresses that are the owner's: mail for them is for the owner in person. */
  readonly addresses: readonly string[]
  /** Nobody hears it twice in so many days. */
  readonly days: number
  /** Wishes of one name count as the same answer; left out: those that say the same. */
  readonly handle?: string
}

/** Mail that has come for a mailbox, as far as wishes may look at it. */
export interface ArrivedMail {
  readonly id: string
  readonly sender: Address | null
  /** As RCPT named it, before aliases. */
  readonly recipient: Address
  readonly tag?: string
  readonly size: number
  /** Why it was taken for spam; left out: it was not. */
  readonly junk?: string
  /** Fields at its beginning, ours in front; the same list each time, for all recipients of one message. */
  header(): Promise<readonly Pick<HeaderField, 'name' | 'raw'>[]>
}

/** Service `filing-rules`. */
export interface FilingRules {
  /**
   * None: it is kept as without rules. Without `keep` or `file`, and with `forward` or `discard`, no copy is kept. Throws a temporary `MailError` when
   * it cannot know now; any other throw means that the mail is kept as without rules.
   */
  actionsFor(account: Account, mail: ArrivedMail, call: Pick<Call, 'log'>): Promise<readonly FilingAction[]>
  /** Whether some mail may be kept nowhere here: then a full mailbox is no reason to refuse mail that nobody has seen yet. Left out: no. */
  mayKeepNone?(account: Account): Promise<boolean>
  /** Sentences for people: what the account wishes. None: nothing. */
  describe(account: Account): Promise<readonly string[]>
}

/** Service `vacation`: writes answers, of a wish that rules have or of what the owner has set, and knows who has had one. */
export interface Vacation {
  /** `wish`: that of rules; left out: what the owner has set, if it holds today. Nothing: there is no wish. */
  answer(account: Account, mail: ArrivedMail, wish?: VacationWish): Promise<VacationAnswer | undefined>
  describe(account: Account): Promise<readonly string[]>
}

export type VacationAnswer =
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** Nobody is answered, and why: `it came by a mailing list`. */
  | { readonly kind: 'silent'; readonly why: string }
