/** Options of `posthouse filing add`, and the rule they write: what a line of a shell can say of one rule. More is for `filing set`. */
import { CommandError, type CommandOption } from 'posthouse/api'
import type { Given } from './rule.js'

const LISTS = ['from', 'to', 'sender', 'recipient', 'list', 'tag'] as const

export const ADD_OPTIONS: Readonly<Record<string, CommandOption>> = {
  from: { type: 'string', value: 'ADDRESS,…', description: 'whose From is one of these; also @domain, and * and ?' },
  to: { type: 'string', value: 'ADDRESS,…', description: 'with one of these in To, Cc or Resent-To' },
  sender: { type: 'string', value: 'ADDRESS,…', description: 'from one of these by its envelope; <> is nobody' },
  recipient: { type: 'string', value: 'ADDRESS,…', description: 'that came for one of these by its envelope' },
  subject: { type: 'string', value: 'TEXT', description: 'with this text in its subject' },
  header: {
    type: 'string',
    value: 'NAME:TEXT',
    description: 'with this text in a field of that name; NAME alone: with the field',
  },
  list: { type: 'string', value: 'ID,…', description: 'of the mailing list with this List-Id; also * and ?' },
  tag: { type: 'string', value: 'TAG,…', description: 'for user+TAG@' },
  larger: { type: 'string', value: 'SIZE', description: 'larger than this' },
  smaller: { type: 'string', value: 'SIZE', description: 'smaller than this' },
  spam: { type: 'string', value: 'POINTS', description: 'with at least so many points' },
  junk: { type: 'boolean', description: 'taken for spam; other rules are not asked about such mail' },
  automatic: { type: 'boolean', description: 'written by a machine, or for many' },
  into: { type: 'string', value: 'MAILBOX,…', description: 'file it there; made when missing' },
  flag: { type: 'string', value: 'FLAG,…', description: 'with these flags' },
  forward: { type: 'string', value: 'ADDRESS,…', description: 'send it on to these' },
  keep: { type: 'boolean', description: 'keep it where it would be without the rule, as well' },
  discard: { type: 'boolean', description: 'throw it away' },
  'no-answer': { type: 'boolean', description: 'without a vacation answer' },
  stop: { type: 'boolean', description: 'rules below are not asked' },
  above: { type: 'string', value: 'NAME', description: 'put it above that rule; default: at the end' },
}

/** All but the name. */
export function givenIn(options: Readonly<Record<string, string | boolean | undefined>>): Given {
  const text = (name: string) => (typeof options[name] === 'string' ? String(options[name]) : undefined)
  const several = (name: string) => {
    const parts = text(name)
      ?.split(',')
      .map(part => part.trim())
    return parts?.length === 1 ? parts[0] : parts
  }
  const yes = (name: string) => (options[name] === true ? true : undefined)
  const spam = text('spam')
  const condition = present({
    ...Object.fromEntries(LISTS.map(name => [name, several(name)])),
    subject: text('subject'),
    header: headerIn(text('header')),
    larger: text('larger'),
    smaller: text('smaller'),
    spam: spam === undefined ? undefined : pointsIn(spam),
    junk: yes('junk'),
    automatic: yes('automatic'),
  })
  return present({
    if: Object.keys(condition).length === 0 ? undefined : condition,
    file: several('into'),
    flag: several('flag'),
    forward: several('forward'),
    keep: yes('keep'),
    discard: yes('discard'),
    answer: options['no-answer'] === true ? false : undefined,
    stop: yes('stop'),
  })
}

function present(all: Given): Given {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

function headerIn(text: string | undefined): Given | undefined {
  if (text === undefined) return undefined
  const colon = text.indexOf(':')
  if (colon < 0) return { [text.trim()]: { exists: true } }
  return { [text.slice(0, colon).trim()]: text.slice(colon + 1).trim() }
}

function pointsIn(text: string): number {
  const points = Number(text)
  if (text.trim() === '' || !Number.isFinite(points))
    throw new CommandError(`--spam: expected points such as 4, got "${text}"`, 2)
  return points
}
