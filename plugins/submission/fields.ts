/**
 * What a submission server puts right in the header (RFC 6409 §8): Date and Message-ID where there are none, a true Sender, and nothing
 * that was meant for us alone. The bytes are not rewritten: fields are cut from view or put in front.
 */
import type { Message, NewField, Removal } from 'posthouse/api'
import { type AddressParts, formatAddress, formatDate, parseDate } from 'posthouse/text'
import { type Authors, addressesIn, rawFields } from './authors.js'

export interface FieldParts {
  /** Of the transaction: unique for ever. */
  readonly id: string
  readonly serverName: string
  readonly now: number
  /** Who logged in owns that address. */
  readonly owns: (address: AddressParts) => boolean
  /** Stands in a From or Sender of ours. */
  readonly ownAddress: AddressParts | undefined
}

/** RFC 5322 §3.6.3: who is named in Bcc is named to nobody. RFC 5321 §4.4: Return-Path is for the last server to write. */
const PRIVATE = ['bcc', 'resent-bcc', 'return-path'] as const
/** RFC 5322 §3.6.4, without its quoted forms, which nobody writes. */
const MESSAGE_ID = /^<[^<>\s@]{1,500}@[^<>\s@]{1,500}>$/

export function fieldsFor(message: Message, authors: Authors, parts: FieldParts): readonly (NewField | Removal)[] {
  const answers: (NewField | Removal)[] = []
  for (const name of PRIVATE) if (rawFields(message, name).length > 0) answers.push({ kind: 'remove', name })
  // RFC 6409 §8.2, §8.3: where it is missing, or says nothing.
  replace('Date', value => parseDate(value) !== undefined, formatDate(parts.now))
  replace('Message-ID', value => MESSAGE_ID.test(value.trim()), `<${parts.id}@${parts.serverName}>`)
  // Scripts forget it; who logged in is known, so nobody else can be meant.
  const added = authors.kind === 'none' && parts.ownAddress !== undefined
  if (added) answers.push({ name: 'From', value: formatAddress(parts.ownAddress) })
  const senders = rawFields(message, 'sender')
  const isOurs = senders.length === 1 && addressesIn(senders[0]!)?.every(parts.owns) === true
  if (senders.length > 0 && !isOurs) answers.push({ kind: 'remove', name: 'sender' })
  // RFC 6409 §8.1, RFC 5322 §3.6.2: who sent it, where From does not say so.
  if (!isOurs && !added && !saysWhoSent(authors, parts) && parts.ownAddress !== undefined)
    answers.push({ name: 'Sender', value: formatAddress(parts.ownAddress) })
  return answers

  function replace(name: string, isGood: (value: string) => boolean, value: string): void {
    const there = rawFields(message, name.toLowerCase())
    if (there.some(isGood)) return
    if (there.length > 0) answers.push({ kind: 'remove', name })
    answers.push({ name, value })
  }
}

function saysWhoSent(authors: Authors, { owns }: FieldParts): boolean {
  return authors.kind === 'authors' && authors.addresses.length === 1 && authors.addresses.every(owns)
}
