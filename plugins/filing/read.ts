/**
 * Reads rules as people write them (YAML or JSON, as data by now): every fault with its place and what was expected instead. What is read here is
 * bounded, so that a message costs little whatever the rules are.
 */
import type { Address } from 'posthouse/api'
import {
  closest,
  newMailboxName,
  normaliseFlags,
  parseAddress,
  parseSize,
  printable,
  toAsciiDomain,
} from 'posthouse/text'
import { type Glob, globOf, MAX_PATTERN } from './glob.js'
import { ADDRESS_FIELDS, type AddressField, type Condition, type Rule, type TextTest } from './rule.js'

export const MOST_RULES = 100
const MOST_VALUES = 100
const MOST_CONDITIONS = 100
const MAX_DEPTH = 5
const MAX_NAME = 80
const MOST_ACTIONS = 10

export type ReadRules =
  | { readonly kind: 'rules'; readonly rules: readonly Rule[] }
  | { readonly kind: 'faults'; readonly faults: readonly string[] }

export function readRules(given: unknown): ReadRules {
  const reader = new RuleReader()
  const rules = reader.rules(given)
  return reader.faults.length > 0 ? { kind: 'faults', faults: reader.faults } : { kind: 'rules', rules }
}

const RULE_KEYS = ['name', 'if', 'file', 'flag', 'forward', 'keep', 'discard', 'answer', 'stop'] as const
const CONDITION_KEYS = [
  ...ADDRESS_FIELDS,
  ...([
    'subject',
    'header',
    'list',
    'tag',
    'larger',
    'smaller',
    'spam',
    'junk',
    'automatic',
    'any',
    'all',
    'not',
  ] as const),
] as const
type ConditionKey = (typeof CONDITION_KEYS)[number]
const TESTS = ['contains', 'is', 'matches', 'exists'] as const
const FIELD_NAME = /^[!-9;-~]{1,70}$/
const KEYWORD = /^[$A-Za-z0-9_][A-Za-z0-9_.:+-]{0,60}$/
const NOTHING: Condition = { kind: 'all', of: [] }

class RuleReader {
  readonly faults: string[] = []
  #conditions = 0
  #minds = false

  rules(given: unknown): readonly Rule[] {
    const list = isMap(given) && Array.isArray(given.rules) && Object.keys(given).length === 1 ? given.rules : given
    if (!Array.isArray(list)) return this.#wrong('', 'a list of rules', given, [])
    if (list.length > MOST_RULES) return this.#wrong('', `at most ${MOST_RULES} rules`, list.length, [])
    const rules = list.map((one, at) => this.#rule(one, `rule ${at + 1}`)).filter(rule => rule !== undefined)
    const names = rules.map(({ name }) => name)
    const twice = names.find((name, at) => names.indexOf(name) !== at)
    if (twice !== undefined) this.faults.push(`two rules are called "${printable(twice)}"`)
    return rules
  }

  #rule(given: unknown, at: string): Rule | undefined {
    if (!isMap(given)) return this.#wrong(at, `a rule with ${RULE_KEYS.join(', ')}`, given, undefined)
    const before = this.faults.length
    this.#known(given, RULE_KEYS, at)
    this.#conditions = 0
    this.#minds = false
    const { name, if: when } = given
    if (
      typeof name !== 'string' ||
      name.trim() === '' ||
      name.length > MAX_NAME ||
      printable(name) !== name ||
      name.includes('"')
    )
      return this.#wrong(`${at}.name`, `a name of up to ${MAX_NAME} characters without "`, name, undefined)
    const condition = when === undefined || when === null ? undefined : this.#condition(when, `${at}.if`, 0)
    const actions = {
      file: this.#list(given.file, `${at}.file`, 'a mailbox such as Lists/dev', mailboxOf),
      flag: this.#list(given.flag, `${at}.flag`, 'a flag such as \\Flagged or work', flagOf),
      forward: this.#list(given.forward, `${at}.forward`, 'an address', addressOf),
      keep: this.#yes(given.keep, `${at}.keep`, false),
      discard: this.#yes(given.discard, `${at}.discard`, false),
      answer: this.#yes(given.answer, `${at}.answer`, true),
    }
    const stop = this.#yes(given.stop, `${at}.stop`, false)
    const { file, flag, forward, keep, discard, answer } = actions
    const idle = file.length + flag.length + forward.length === 0 && !keep && !discard && answer && !stop
    if (idle && this.faults.length === before)
      this.faults.push(`${at} ("${name}") does nothing: give it file, flag, forward, keep, discard, answer: no or stop`)
    if (discard && (keep || file.length > 0))
      this.faults.push(`${at} ("${name}") keeps and discards: leave one of them out`)
    return { name, ...(condition === undefined ? {} : { condition }), actions, stop, minds: this.#minds, given }
  }

  #condition(given: unknown, at: string, depth: number): Condition {
    if (!isMap(given)) return this.#wrong(at, `conditions: ${CONDITION_KEYS.join(', ')}`, given, NOTHING)
    if (depth > MAX_DEPTH) return this.#wrong(at, `conditions at most ${MAX_DEPTH} deep`, 'more', NOTHING)
    this.#known(given, CONDITION_KEYS, at)
    const of = Object.entries(given)
      .filter(([key]) => (CONDITION_KEYS as readonly string[]).includes(key))
      .flatMap(([key, value]) => this.#one(key as ConditionKey, value, `${at}.${key}`, depth))
    this.#conditions += of.length
    if (this.#conditions > MOST_CONDITIONS)
      this.faults.push(`${at}: more than ${MOST_CONDITIONS} conditions in one rule`)
    if (of.length === 0 && Object.keys(given).length === 0)
      this.faults.push(`${at}: no condition; leave "if" out for all mail`)
    return of.length === 1 ? of[0]! : { kind: 'all', of }
  }

  #one(key: ConditionKey, value: unknown, at: string, depth: number): readonly Condition[] {
    switch (key) {
      case 'from':
      case 'to':
      case 'sender':
      case 'recipient':
        return [
          {
            kind: 'address',
            field: key,
            patterns: this.#some(value, at, addressWish(key), text => addressPattern(text, key)),
          },
        ]
      case 'subject':
        return [{ kind: 'text', field: key, test: this.#test(value, at) }]
      case 'header':
        return this.#headers(value, at)
      case 'list':
      case 'tag': {
        const patterns =
          value === true ? [globOf('*')] : this.#some(value, at, 'a name, which may hold * and ?', patternOf)
        return [{ kind: key, patterns }]
      }
      case 'larger':
      case 'smaller': {
        const bytes = parseSize(String(value))
        return bytes === undefined ? this.#wrong(at, 'a size such as 5MB', value, []) : [{ kind: key, bytes }]
      }
      case 'spam':
        return typeof value === 'number' && Number.isFinite(value)
          ? [{ kind: key, points: value }]
          : this.#wrong(at, 'points such as 4', value, [])
      case 'junk':
      case 'automatic':
        if (key === 'junk') this.#minds = true
        return [{ kind: key, is: this.#yes(value, at, true) }]
      case 'any':
      case 'all':
        if (!Array.isArray(value) || value.length === 0) return this.#wrong(at, 'a list of conditions', value, [])
        return [
          {
            kind: key,
            of: value.slice(0, MOST_CONDITIONS + 1).map((one, i) => this.#condition(one, `${at}[${i + 1}]`, depth + 1)),
          },
        ]
      case 'not':
        return [{ kind: key, of: this.#condition(value, at, depth + 1) }]
    }
  }

  #headers(given: unknown, at: string): readonly Condition[] {
    if (!isMap(given) || Object.keys(given).length === 0)
      return this.#wrong(at, 'field names with texts, as { X-Priority: "1" }', given, [])
    return Object.entries(given).map(([name, value]) => {
      if (!FIELD_NAME.test(name)) this.#wrong(at, 'the name of a header field', name, undefined)
      return { kind: 'text', field: name.toLowerCase(), test: this.#test(value, `${at}.${printable(name, 40)}`) }
    })
  }

  /** A text or a list of them: contained. */
  #test(given: unknown, at: string): TextTest {
    if (!isMap(given)) return { how: 'contains', texts: this.#some(given, at, 'a text', textOf) }
    const [how, ...more] = Object.keys(given)
    const known = TESTS.find(one => one === how)
    if (known === undefined || more.length > 0)
      return this.#wrong(at, `one of ${TESTS.join(', ')}`, Object.keys(given).join(', '), { how: 'exists', is: true })
    if (known === 'exists') return { how: known, is: this.#yes(given[known], `${at}.${known}`, true) }
    if (known === 'matches')
      return { how: known, patterns: this.#some(given[known], `${at}.${known}`, 'a pattern', patternOf) }
    return { how: known, texts: this.#some(given[known], `${at}.${known}`, 'a text', textOf) }
  }

  // ── values ──

  /** One or several, and not none. */
  #some<T>(given: unknown, at: string, wish: string, read: (text: string) => T | undefined): readonly T[] {
    const all = this.#values(given, at, wish, read, MOST_VALUES)
    if (all.length === 0 && Array.isArray(given) && given.length === 0)
      this.#wrong(at, wish, 'an empty list', undefined)
    if (given === undefined || given === null) this.#wrong(at, wish, given, undefined)
    return all
  }

  #list<T>(given: unknown, at: string, wish: string, read: (text: string) => T | undefined): readonly T[] {
    return given === undefined || given === null ? [] : this.#values(given, at, wish, read, MOST_ACTIONS)
  }

  #values<T>(
    given: unknown,
    at: string,
    wish: string,
    read: (text: string) => T | undefined,
    most: number,
  ): readonly T[] {
    const list = Array.isArray(given) ? given : given === undefined || given === null ? [] : [given]
    if (list.length > most) return this.#wrong(at, `at most ${most} of them`, list.length, [])
    return list.flatMap(one => {
      const text = typeof one === 'number' ? String(one) : one
      const value = typeof text === 'string' ? read(text) : undefined
      return value === undefined ? this.#wrong(at, wish, one, []) : [value]
    })
  }

  #yes(given: unknown, at: string, otherwise: boolean): boolean {
    if (given === undefined || given === null) return otherwise
    // YAML 1.2 takes only true and false; people also write these.
    if (given === 'yes' || given === 'no') return given === 'yes'
    return typeof given === 'boolean' ? given : this.#wrong(at, 'true or false', given, otherwise)
  }

  #known(given: Readonly<Record<string, unknown>>, keys: readonly string[], at: string): void {
    for (const key of Object.keys(given)) {
      if (keys.includes(key)) continue
      const meant = closest(key, keys)
      const hint = meant === undefined ? `; there are ${keys.join(', ')}` : `, did you mean "${meant}"?`
      this.faults.push(`${at}: there is no "${printable(key, 40)}"${hint}`)
    }
  }

  #wrong<T>(at: string, wish: string, got: unknown, instead: T): T {
    const shown = got === undefined || got === null ? 'nothing' : printable(JSON.stringify(got) ?? String(got), 80)
    this.faults.push(`${at === '' ? '' : `${at}: `}expected ${wish}, got ${shown}`)
    return instead
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function textOf(text: string): string | undefined {
  const known = text.trim().normalize('NFC').toLowerCase()
  return known === '' || known.length > MAX_PATTERN ? undefined : known
}

function patternOf(text: string): Glob | undefined {
  return text.trim() === '' || text.length > MAX_PATTERN ? undefined : globOf(text.trim())
}

function addressWish(field: AddressField): string {
  return `an address, @domain, or a pattern such as *@*.example.org${field === 'sender' ? ', or <> for nobody' : ''}`
}

function addressPattern(text: string, field: AddressField): Glob | undefined {
  const wanted = text.trim()
  if (wanted === '<>') return field === 'sender' ? globOf('') : undefined
  const at = wanted.lastIndexOf('@')
  if (at < 0 || at === wanted.length - 1 || wanted.length > MAX_PATTERN) return undefined
  const [local, domain] = [wanted.slice(0, at) || '*', wanted.slice(at + 1)]
  const known = /[*?]/.test(domain) ? domain : toAsciiDomain(domain)
  return known === undefined ? undefined : globOf(`${local}@${known}`)
}

function mailboxOf(text: string): string | undefined {
  return newMailboxName(text)
}

function flagOf(text: string): string | undefined {
  if (!text.startsWith('\\')) return KEYWORD.test(text) ? text : undefined
  const [known] = normaliseFlags([text])
  return known
}

function addressOf(text: string): Address | undefined {
  const address = parseAddress(text.trim())
  return address === undefined || address.domain === '' ? undefined : address
}
