/**
 * Reads what an admin types after `queue ls`: words as `sender=@spam.example`, `age>1h`, `held`, `!warned`, or an id. All of them must
 * hold; ids are alternatives. Pure; a wrong word is told with its place, the field that was meant and what is expected.
 */
import {
  CommandError,
  QUEUE_FIELDS,
  type QueueComparison,
  type QueueCondition,
  type QueueField,
} from '../../../api/index.js'
import { closest, parseDuration, parseSize } from '../../../text/index.js'

export interface QueueWords {
  /** Empty: any message. */
  readonly ids: readonly string[]
  readonly where: readonly QueueCondition[]
}

type Kind = (typeof QUEUE_FIELDS)[QueueField]['kind']

const WORD = /^(!?)([a-zA-Z_-]+)(?:(!=|!~|<=|>=|=|~|<|>)(.*))?$/s
/** Ids have digits, field names have none. */
const ID = /^(?=.*\d)[0-9a-z]{6,40}(?:\.\d{1,9})?$/
const COMPARISONS: Readonly<Record<Kind, readonly QueueComparison[]>> = {
  text: ['=', '!=', '~', '!~'],
  address: ['=', '!=', '~', '!~'],
  number: ['=', '!=', '<', '<=', '>', '>='],
  size: ['=', '!=', '<', '<=', '>', '>='],
  age: ['<', '<=', '>', '>='],
  flag: ['=', '!='],
}
const EXAMPLES: Readonly<Record<Kind, string>> = {
  text: 'words',
  address: 'user@example.org, @example.org or <>',
  number: 'a whole number',
  size: 'a size as 20KB',
  age: 'a duration as 1h30m',
  flag: 'yes or no',
}

/** Throws `CommandError` with exit code 2. */
export function readFilter(words: readonly string[]): QueueWords {
  const ids: string[] = []
  const where: QueueCondition[] = []
  for (const word of words) {
    if (ID.test(word)) ids.push(word)
    else where.push(readWord(word))
  }
  return { ids, where }
}

/** Lines for help. */
export function fieldLines(): readonly string[] {
  const names = Object.keys(QUEUE_FIELDS) as QueueField[]
  const width = Math.max(...names.map(name => name.length))
  return names.map(name => {
    const { kind, says } = QUEUE_FIELDS[name]
    return `  ${name.padEnd(width)}  ${COMPARISONS[kind].join(' ').padEnd(14)}  ${EXAMPLES[kind]}: ${says}`
  })
}

function readWord(word: string): QueueCondition {
  const found = WORD.exec(word)
  if (found === null) throw wrong(word, 'expected FIELD=VALUE, a flag as "held", or an id')
  const [, not, name = '', is, value = ''] = found
  const field = fieldOf(name, word)
  const { kind } = QUEUE_FIELDS[field]
  if (is === undefined) {
    if (kind !== 'flag') throw wrong(word, `${field} wants a comparison: ${field}${COMPARISONS[kind][0]}…`)
    return { field, is: '=', value: not === '' }
  }
  if (not !== '') throw wrong(word, `write ${field}!${is}${value} for the opposite`)
  const comparison = is as QueueComparison
  if (!COMPARISONS[kind].includes(comparison))
    throw wrong(word, `${field} cannot be compared by ${is}; there are ${COMPARISONS[kind].join(' ')}`)
  return { field, is: comparison, value: readValue(kind, value, word, name.length + is.length) }
}

function fieldOf(name: string, word: string): QueueField {
  const lower = name.toLowerCase()
  if (Object.hasOwn(QUEUE_FIELDS, lower)) return lower as QueueField
  const meant = closest(lower, Object.keys(QUEUE_FIELDS))
  const hint = meant === undefined ? `there are ${Object.keys(QUEUE_FIELDS).join(', ')}` : `did you mean ${meant}?`
  throw wrong(word, `there is no field "${name}"; ${hint}`)
}

function readValue(kind: Kind, text: string, word: string, at: number): QueueCondition['value'] {
  const value = parsed(kind, text)
  if (value === undefined) throw wrong(word, `expected ${EXAMPLES[kind]} at column ${at + 1}`)
  return value
}

function parsed(kind: Kind, text: string): QueueCondition['value'] | undefined {
  switch (kind) {
    case 'text':
    case 'address':
      return text === '' ? undefined : text
    case 'number':
      return /^-?\d{1,9}$/.test(text) ? Number(text) : undefined
    case 'size':
      return parseSize(text)
    case 'age': {
      const ms = parseDuration(text.replace(/^-/, ''))
      return ms === undefined ? undefined : text.startsWith('-') ? -ms : ms
    }
    case 'flag':
      return { yes: true, true: true, no: false, false: false }[text.toLowerCase()]
  }
}

function wrong(word: string, why: string): CommandError {
  return new CommandError(`"${word}": ${why}`, 2)
}
