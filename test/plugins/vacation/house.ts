/** Mail, accounts and a replier over a state in memory. */
import type { Account, ArrivedMail, State } from '../../../core/api/index.js'
import { scanHeader } from '../../../core/text/index.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { replier } from '../../../plugins/vacation/replier.js'
import type { Setting } from '../../../plugins/vacation/stored.js'
import { address } from '../../harness/context.js'

export const ALICE: Account = { id: 'aalice', login: 'alice', addresses: ['alice@example.test', 'a@second.test'] }
export const NOW = Date.UTC(2026, 5, 10, 12)
export const DAY = 86_400_000
export const SETTING: Setting = { text: 'I am away.\n\n-- \nAlice', addresses: [], days: 7, by: 'root', at: 0 }

export type Facts = Partial<Omit<ArrivedMail, 'sender' | 'recipient' | 'header'>> & {
  readonly sender?: string | null
  readonly recipient?: string
}

export const LETTER = 'From: Bob <bob@far.test>\nTo: Alice <Alice@example.test>\nSubject: hello'

export function fieldsOf(header: string) {
  return scanHeader(Buffer.from(`${header.replace(/\n/g, '\r\n')}\r\n\r\n`)).fields
}

export function mailOf(header = LETTER, { sender = 'bob@far.test', recipient, ...more }: Facts = {}): ArrivedMail {
  const fields = fieldsOf(header)
  return {
    id: 'q1.1',
    sender: sender === null ? null : address(sender),
    recipient: address(recipient ?? 'alice@example.test'),
    size: 100,
    header: async () => fields,
    ...more,
  }
}

export interface House {
  /** As it stands now. */
  setting: Setting | undefined
  now: number
  /** `answered` or why not; nothing without a wish. */
  ask(mail?: ArrivedMail, account?: Account): Promise<string | undefined>
}

/** `state`: that of another one, as workers share theirs. */
export function house({ perDay = 500, state = createMemoryState() }: { perDay?: number; state?: State } = {}): House {
  const made: House = {
    setting: SETTING,
    now: NOW,
    async ask(mail = mailOf(), account = ALICE) {
      const answer = await vacation.answer(account, mail)
      return answer === undefined ? undefined : answer.kind === 'answer' ? 'answered' : answer.why
    },
  }
  const vacation = replier({
    settings: { of: async () => made.setting },
    state,
    clock: { now: () => made.now },
    metrics: { count: () => undefined, observe: () => undefined },
    server: 'mail.example.test',
    perDay,
  })
  return made
}
