/**
 * Is a contribution what the contract says? TypeScript authors hear it from the compiler; in JavaScript a misspelt hook would never be
 * asked and nobody would notice. Pure: says in words what is wrong, `loader.ts` says where.
 */
import { MOMENTS } from '../api/index.js'
import { closest } from '../text/index.js'

const PARTS = [
  'hooks',
  'listeners',
  'targets',
  'services',
  'smtpVerbs',
  'commands',
  'checks',
  'labels',
  'above',
  'loadRest',
  'started',
  'dispose',
]

/** Core answers these itself and would never ask a plugin. */
const CORE_VERBS = new Set('EHLO HELO LHLO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY EXPN QUIT HELP'.split(' '))

/** What is wrong with it, each to be read behind the plugin's name; empty when it is right. */
export function misshapen(contribution: unknown): readonly string[] {
  if (!isObject(contribution)) return ['returns nothing from setup; return what it contributes, or {}']
  return [
    ...unknownNames(contribution, PARTS, 'contributes', 'part'),
    ...wrongHooks(contribution.hooks),
    ...wrongVerbs(contribution.smtpVerbs),
    ...list(contribution.commands).flatMap(wrongCommand),
  ]
}

function wrongHooks(hooks: unknown): readonly string[] {
  if (hooks === undefined) return []
  if (!isObject(hooks)) return ['has hooks that are no object: { rcpt(asked, call) { … } }']
  const moments = Object.keys(MOMENTS)
  const known = Object.entries(hooks).filter(([name]) => moments.includes(name))
  return [
    ...unknownNames(hooks, moments, 'has a hook', 'moment'),
    ...known
      .filter(([, hook]) => hook !== undefined && !isFunction(hook))
      .map(([name]) => `has no function at ${name}`),
  ]
}

function wrongVerbs(verbs: unknown): readonly string[] {
  if (!isObject(verbs)) return []
  return Object.entries(verbs).flatMap(([name, verb]) => {
    if (CORE_VERBS.has(name.toUpperCase())) return [`brings the SMTP verb ${name}, which core answers itself`]
    return isObject(verb) && isFunction(verb.run) ? [] : [`brings the SMTP verb ${name} without a function "run"`]
  })
}

function wrongCommand(command: unknown): readonly string[] {
  const { name, summary, arity, run } = isObject(command) ? command : {}
  if (typeof name !== 'string' || !/^[a-z0-9-]+( [a-z0-9-]+)*$/.test(name))
    return [`brings a command without a "name" of words in lower case, as 'retired list'`]
  const told = `brings the command "${name}" without`
  return [
    ...(typeof summary === 'string' ? [] : [`${told} a "summary"`]),
    ...(isArity(arity) ? [] : [`${told} an "arity", the least and most arguments: [0, 1]`]),
    ...(isFunction(run) ? [] : [`${told} a function "run"`]),
  ]
}

function isArity(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value.every(n => typeof n === 'number' && n >= 0)
}

function unknownNames(thing: object, known: readonly string[], has: string, kind: string): readonly string[] {
  return Object.keys(thing)
    .filter(name => !known.includes(name))
    .map(name => {
      const meant = closest(name, known)
      const hint = meant === undefined ? `there are: ${known.join(', ')}` : `did you mean "${meant}"?`
      return `${has} "${name}", and there is no such ${kind}; ${hint}`
    })
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}
