/** `count`: how many there are of something. */
import { parseAddressList } from 'posthouse/text'
import { bodyLengths } from '../body-lengths.js'
import type { Facts } from '../facts.js'
import { AT_LEAST } from './keys.js'
import { found, type Kind } from './kind.js'

const COUNTED = [
  'recipients',
  'addressees',
  'links',
  'hosts',
  'files',
  'parts',
  'pictures',
  'forms',
  'password-forms',
  'words',
  'lines',
  'fields',
  'received',
] as const
type Counted = (typeof COUNTED)[number]
type RawCount = { readonly count: Counted; readonly at_least?: number; readonly at_most?: number }

interface Count {
  readonly of: Counted
  readonly least: number
  readonly most: number
}

export const count: Kind<Count, RawCount> = {
  name: 'count',
  cost: 2,
  key: { type: 'string', enum: COUNTED, description: 'what is counted' },
  companions: {
    at_least: AT_LEAST,
    at_most: { type: 'integer', minimum: 0, maximum: 1_000_000, description: 'not more than this' },
  },
  read({ count: of, at_least, at_most }, reader) {
    if (at_least === undefined && at_most === undefined)
      return reader.wrong(['count'], '"at_least" or "at_most" is missing: a number')
    const [least, most] = [at_least ?? 0, at_most ?? Infinity]
    return least <= most
      ? { of, least, most }
      : reader.wrong(['at_most'], `nothing is at least ${least} and at most ${most}`)
  },
  prepare: () => ({
    bind:
      ({ of, least, most }) =>
      facts => {
        const here = facts.once(COUNTS[of])
        return here >= least && here <= most ? found(`${here} ${of}`) : undefined
      },
  }),
}

const COUNTS: Readonly<Record<Counted, (facts: Facts) => number>> = {
  // Of the envelope: to how many this copy goes here.
  recipients: ({ envelope }) => envelope.recipients.length,
  addressees: ({ message }) =>
    [...message.fields('to'), ...message.fields('cc')].reduce((sum, field) => sum + addressesIn(field), 0),
  links: ({ links }) => links.length,
  hosts: ({ links }) => new Set(links.map(({ host }) => host)).size,
  files: ({ seen }) => seen.attachments.length,
  parts: ({ seen }) => seen.parts.length,
  pictures: ({ seen }) => seen.htmlFacts.images.remote + seen.htmlFacts.images.inline,
  forms: ({ seen }) => seen.htmlFacts.forms.length,
  'password-forms': ({ seen }) => seen.htmlFacts.forms.filter(({ password }) => password).length,
  words: facts => facts.once(bodyLengths).words,
  lines: facts => facts.once(bodyLengths).lines,
  fields: ({ message }) => message.header.length,
  received: ({ message }) => message.fields('received').length,
}

const MAX_FIELD = 100_000

function addressesIn(field: string): number {
  return parseAddressList(field.slice(0, MAX_FIELD)).reduce(
    (sum, item) => sum + (item.kind === 'group' ? item.members.length : 1),
    0,
  )
}
