/** Mail and accounts for tests of filing rules. */
import type { Account, ArrivedMail } from '../../../core/api/index.js'
import { scanHeader } from '../../../core/text/index.js'
import { Seen } from '../../../plugins/filing/conditions.js'
import { type Ran, run } from '../../../plugins/filing/engine.js'
import { readRules } from '../../../plugins/filing/read.js'
import type { Rule } from '../../../plugins/filing/rule.js'
import { address } from '../../harness/context.js'

export const ALICE: Account = { id: 'aalice', login: 'alice', addresses: ['alice@example.test'] }

export type Facts = Partial<Omit<ArrivedMail, 'sender' | 'recipient' | 'header'>> & {
  readonly sender?: string | null
  readonly recipient?: string
}

export function mailOf(header: string, { sender = 'bob@far.test', recipient, ...more }: Facts = {}): ArrivedMail {
  const fields = scanHeader(Buffer.from(`${header.replace(/\n/g, '\r\n')}\r\n\r\n`)).fields
  return {
    id: 'q1.1',
    sender: sender === null ? null : address(sender),
    recipient: address(recipient ?? 'alice@example.test'),
    size: 2000,
    header: async () => fields,
    ...more,
  }
}

export function rules(...given: readonly object[]): readonly Rule[] {
  const read = readRules(given.map((one, at) => ({ name: `r${at + 1}`, ...one })))
  if (read.kind === 'faults') throw new Error(read.faults.join('\n'))
  return read.rules
}

export async function ran(given: readonly Rule[], mail: ArrivedMail): Promise<Ran> {
  return run(given, new Seen(mail, await mail.header()))
}
