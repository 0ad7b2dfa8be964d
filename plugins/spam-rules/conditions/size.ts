/** `size`: how large the message or a text of it is. */
import { formatSize, parseSize } from 'posthouse/text'
import type { Facts } from '../facts.js'
import { found, type Kind } from './kind.js'

const SIZES = ['message', 'body', 'html', 'hidden', 'subject', 'files', 'largest-file'] as const
type Measured = (typeof SIZES)[number]
type RawSize = { readonly size: Measured; readonly over?: string; readonly under?: string }

interface Size {
  readonly of: Measured
  readonly over: number
  readonly under: number
}

const BOUND = { type: 'string', format: 'size' } as const

export const size: Kind<Size, RawSize> = {
  name: 'size',
  cost: 0,
  key: {
    type: 'string',
    enum: SIZES,
    description: 'what is measured: octets of the message or of its files, characters of a text',
  },
  companions: {
    over: { ...BOUND, description: 'larger than this: 20KB' },
    under: { ...BOUND, description: 'smaller than this' },
  },
  read({ size: of, over, under }, reader) {
    if (over === undefined && under === undefined) return reader.wrong(['size'], '"over" or "under" is missing: 20KB')
    const bounds = {
      over: over === undefined ? -1 : parseSize(over)!,
      under: under === undefined ? Infinity : parseSize(under)!,
    }
    return bounds.over + 1 < bounds.under
      ? { of, ...bounds }
      : reader.wrong(['under'], 'nothing is over that and under this')
  },
  prepare: () => ({
    bind:
      ({ of, over, under }) =>
      facts => {
        const here = MEASURES[of](facts)
        return here > over && here < under ? found(formatSize(here)) : undefined
      },
  }),
}

const MEASURES: Readonly<Record<Measured, (facts: Facts) => number>> = {
  message: ({ message }) => message.size,
  body: ({ seen }) => seen.body.length,
  html: ({ seen }) => seen.html.length,
  hidden: facts => facts.text('hidden').length,
  subject: ({ seen }) => seen.subject.length,
  files: ({ seen }) => seen.attachments.reduce((sum, file) => sum + file.size, 0),
  'largest-file': ({ seen }) => seen.attachments.reduce((most, file) => Math.max(most, file.size), 0),
}
