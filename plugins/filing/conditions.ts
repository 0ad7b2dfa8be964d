/** Asks a condition about a message. What is read of the header is decoded once for all rules, and bounded: a field counts with its first 2,000 characters. */
import { type ArrivedMail, unreachable } from 'posthouse/api'
import { addressKey, decodeWords, parseAddressList } from 'posthouse/text'
import type { AddressField, Condition, TextTest } from './rule.js'

const MAX_VALUE = 2000
const MAX_FIELDS = 20
const MAX_ADDRESSES = 500

const FIELDS: Readonly<Record<AddressField, readonly string[]>> = {
  from: ['from'],
  to: ['to', 'cc', 'bcc', 'resent-to', 'resent-cc', 'resent-bcc'],
  sender: [],
  recipient: [],
}

type Fields = Awaited<ReturnType<ArrivedMail['header']>>

/** A message, with what has been made of its header so far. */
export class Seen {
  readonly mail: ArrivedMail
  readonly #fields: Fields
  readonly #texts = new Map<string, readonly string[]>()
  readonly #addresses = new Map<AddressField, readonly string[]>()

  constructor(mail: ArrivedMail, fields: Fields) {
    this.mail = mail
    this.#fields = fields
  }

  /** Values of the fields of this name (lower case), readable, in lower case. */
  texts(name: string): readonly string[] {
    const known = this.#texts.get(name)
    if (known !== undefined) return known
    const made = this.#raws(name).map(raw => decodeWords(raw).trim().normalize('NFC').toLowerCase())
    this.#texts.set(name, made)
    return made
  }

  /** Keys of addresses; the null sender is empty. */
  addresses(field: AddressField): readonly string[] {
    const known = this.#addresses.get(field)
    if (known !== undefined) return known
    const made = this.#findAddresses(field)
    this.#addresses.set(field, made)
    return made
  }

  #findAddresses(field: AddressField): readonly string[] {
    const { sender, recipient } = this.mail
    if (field === 'sender') return [sender === null ? '' : addressKey(sender)]
    if (field === 'recipient') return [addressKey(recipient)]
    return FIELDS[field]
      .flatMap(name => this.#raws(name))
      .flatMap(raw => parseAddressList(raw))
      .flatMap(item => (item.kind === 'group' ? item.members : [item]))
      .filter(({ domain }) => domain !== '')
      .slice(0, MAX_ADDRESSES)
      .map(({ local, domain }) => addressKey({ local: utf8(local), domain: utf8(domain) }))
  }

  #raws(name: string): readonly string[] {
    const found = this.#fields.filter(field => field.name.toLowerCase() === name).slice(0, MAX_FIELDS)
    return found.map(({ raw }) => raw.slice(0, MAX_VALUE))
  }

  /** RFC 2919 §2: what stands in angle brackets. */
  get lists(): readonly string[] {
    return this.texts('list-id').map(text => /<([^<>]*)>\s*$/.exec(text)?.[1]?.trim() ?? text)
  }

  /** As this server counted them; fields of that name that came with the mail are cut out of it. */
  get points(): number {
    return Number(/^-?\d+(?:\.\d+)?/.exec(this.texts('x-spam-score')[0] ?? '')?.[0] ?? 0)
  }

  /** RFC 3834 §5, RFC 2076 §3.9: written by a machine, or for many. */
  get isAutomatic(): boolean {
    return (
      this.texts('auto-submitted').some(text => !/^no\b/.test(text)) ||
      this.texts('precedence').some(text => /^(?:bulk|junk|list|auto_reply)\b/.test(text))
    )
  }
}

/** Fields hold octets as Latin-1. */
function utf8(raw: string): string {
  return Buffer.from(raw, 'latin1').toString()
}

export function holds(condition: Condition, seen: Seen): boolean {
  switch (condition.kind) {
    case 'all':
      return condition.of.every(one => holds(one, seen))
    case 'any':
      return condition.of.some(one => holds(one, seen))
    case 'not':
      return !holds(condition.of, seen)
    case 'address':
      return seen.addresses(condition.field).some(key => condition.patterns.some(pattern => pattern.matches(key)))
    case 'text':
      return fits(condition.test, seen.texts(condition.field))
    case 'list':
      return seen.lists.some(list => condition.patterns.some(pattern => pattern.matches(list)))
    case 'tag': {
      const { tag } = seen.mail
      return tag !== undefined && condition.patterns.some(pattern => pattern.matches(tag))
    }
    case 'larger':
      return seen.mail.size > condition.bytes
    case 'smaller':
      return seen.mail.size < condition.bytes
    case 'spam':
      return seen.points >= condition.points
    case 'junk':
      return (seen.mail.junk !== undefined) === condition.is
    case 'automatic':
      return seen.isAutomatic === condition.is
    default:
      return unreachable(condition)
  }
}

function fits(test: TextTest, values: readonly string[]): boolean {
  switch (test.how) {
    case 'contains':
      return values.some(value => test.texts.some(text => value.includes(text)))
    case 'is':
      return values.some(value => test.texts.includes(value))
    case 'matches':
      return values.some(value => test.patterns.some(pattern => pattern.matches(value)))
    case 'exists':
      return values.length > 0 === test.is
    default:
      return unreachable(test)
  }
}
