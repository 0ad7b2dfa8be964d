/**
 * check_host() of RFC 7208 §4: may this address send in the name of this domain? Bounded as §4.6.4 asks: ten terms that ask the name
 * service, ten names of MX or PTR, two answers of "nothing there". Trouble with the name service is `temperror`, never anything worse.
 */
import { isIPv6 } from 'node:net'
import { MailError, type Resolver } from 'posthouse/api'
import { parseNetwork, printable } from 'posthouse/text'
import { asksFor, expand, expandName, type MacroFacts, type MacroString, readMacros } from './macro.js'
import {
  isSpfRecord,
  type Mechanism,
  type MechanismTest,
  type Qualifier,
  readSpfRecord,
  type SpfRecord,
} from './record.js'

export type SpfResult = 'none' | 'temperror' | 'permerror' | Qualifier

export interface SpfOutcome {
  readonly result: SpfResult
  /** Whose record was asked for. */
  readonly domain: string
  /** A sentence. */
  readonly why: string
  /** What the domain says to those who fail, where that was asked for. Words of a stranger. */
  readonly explanation?: string
  /** Questions to the name service. */
  readonly questions: number
}

export interface SpfQuestion {
  /** Of the client. */
  readonly ip: string
  /** Whose mail it is: domain of MAIL FROM, or HELO's name. */
  readonly domain: string
  /** Local part of MAIL FROM; nothing counts as `postmaster` (§4.3). */
  readonly local?: string
  readonly helo: string
}

export interface SpfParts {
  readonly dns: Pick<Resolver, 'a' | 'aaaa' | 'mx' | 'txt' | 'ptr'>
  readonly signal: AbortSignal
  /** For explanations, which are looked up only then. */
  readonly explain?: { readonly receiver: string; readonly now: number }
}

const MAX_TERMS = 10
const MAX_NAMES = 10
const MAX_VOID = 2
/** Our resolver tells no more addresses of a name. */
const MAX_ADDRESSES = 100

/** Never throws, unless there is a bug. */
export async function checkHost(question: SpfQuestion, parts: SpfParts): Promise<SpfOutcome> {
  const check = new Check(question, parts)
  const domain = question.domain.replace(/\.$/, '')
  const shown = printable(domain, 255)
  try {
    // §4.3: what is no name of several labels has no record.
    if (!isAskable(domain) || !domain.includes('.'))
      return {
        result: 'none',
        domain: shown,
        why: `"${shown}" is no domain name that could have a record`,
        questions: 0,
      }
    const { result, why, explanation } = check.doubted(await check.domain(domain))
    return {
      result,
      domain: shown,
      why,
      questions: check.questions,
      ...(explanation === undefined ? {} : { explanation }),
    }
  } catch (error) {
    if (!(error instanceof Trouble)) throw error
    return { result: error.result, domain: shown, why: error.message, questions: check.questions }
  }
}

interface Found {
  readonly result: SpfResult
  readonly why: string
  readonly explanation?: string
}

/** Ends the whole check, however deep. */
class Trouble extends Error {
  readonly result: 'temperror' | 'permerror'
  constructor(result: 'temperror' | 'permerror', why: string) {
    super(why)
    this.name = 'SpfTrouble'
    this.result = result
  }
}

/** A name that the name service could hold at all (RFC 1035 §2.3.4). */
function isAskable(name: string): boolean {
  return name.length <= 253 && name.split('.').every(label => label.length >= 1 && label.length <= 63)
}

class Check {
  questions = 0
  #terms = 0
  #voids = 0
  #ptrTrouble: string | undefined
  readonly #parts: SpfParts
  readonly #facts: Omit<MacroFacts, 'domain' | 'validated'>

  constructor(question: SpfQuestion, parts: SpfParts) {
    const { address, family } = addressOf(question.ip)
    this.#parts = parts
    this.#facts = {
      ...{ ip: address, family, origin: question.domain, helo: question.helo },
      local: question.local === undefined || question.local === '' ? 'postmaster' : question.local,
      ...parts.explain,
    }
  }

  /** §5.5 has trouble with a reverse name match nothing. Who fails only then is not known to fail. */
  doubted(found: Found): Found {
    return this.#ptrTrouble !== undefined && (found.result === 'fail' || found.result === 'softfail')
      ? { result: 'temperror', why: `${this.#ptrTrouble}, and ${found.why}` }
      : found
  }

  async domain(domain: string): Promise<Found> {
    const record = await this.#record(domain)
    if (record === undefined) return { result: 'none', why: `${printable(domain, 255)} publishes no SPF record` }
    for (const mechanism of record.mechanisms) {
      if (!(await this.#matches(mechanism, domain))) continue
      const why = `${printable(domain, 255)} has "${mechanism.text}", which ${this.#facts.ip} matches`
      const explanation = mechanism.qualifier === 'fail' ? await this.#explanation(record, domain) : undefined
      return { result: mechanism.qualifier, why, ...(explanation === undefined ? {} : { explanation }) }
    }
    if (record.redirect === undefined || this.#isBeyondNames(record.redirect))
      return { result: 'neutral', why: `nothing in the record of ${printable(domain, 255)} matches ${this.#facts.ip}` }
    this.#countTerm()
    const target = expandName(record.redirect, await this.#factsFor(record.redirect, domain))
    const found = isAskable(target) ? await this.domain(target) : undefined
    // §6.1
    if (found === undefined || found.result === 'none')
      throw new Trouble(
        'permerror',
        `${printable(domain, 255)} redirects to ${printable(target, 255)}, which has no SPF record`,
      )
    return found
  }

  async #record(domain: string): Promise<SpfRecord | undefined> {
    const texts = (await this.#ask('txt', domain)).filter(isSpfRecord)
    const [text] = texts
    if (text === undefined) return undefined
    // §4.5
    if (texts.length > 1)
      throw new Trouble('permerror', `${printable(domain, 255)} publishes ${texts.length} SPF records`)
    const record = readSpfRecord(text)
    if (record.kind === 'broken')
      throw new Trouble('permerror', `the SPF record of ${printable(domain, 255)} is broken: ${record.why}`)
    return record
  }

  async #matches({ test }: Mechanism, domain: string): Promise<boolean> {
    switch (test.kind) {
      case 'all':
        return true
      case 'ip4':
        return this.#facts.family === 4 && test.has(this.#facts.ip)
      case 'ip6':
        return this.#facts.family === 6 && test.has(this.#facts.ip)
      default:
        this.#countTerm()
        if (test.name !== undefined && this.#isBeyondNames(test.name)) return false
        return this.#looksUp(
          test,
          test.name === undefined ? domain : expandName(test.name, await this.#factsFor(test.name, domain)),
          domain,
        )
    }
  }

  async #looksUp(
    test: Exclude<MechanismTest, { kind: 'all' | 'ip4' | 'ip6' }>,
    name: string,
    domain: string,
  ): Promise<boolean> {
    switch (test.kind) {
      case 'include':
        return this.#includes(name, domain)
      case 'exists':
        // §5.7: of whatever family the client is
        return (await this.#filled('a', name)).length > 0
      case 'a':
        return this.#holds(await this.#filled(this.#family(), name), test)
      case 'mx':
        return this.#byMx(name, test)
      case 'ptr':
        return (await this.#validated()).some(host => isBelow(host, name))
    }
  }

  /** §5.2 */
  async #includes(name: string, domain: string): Promise<boolean> {
    const found = isAskable(name) ? await this.domain(name) : undefined
    if (found === undefined || found.result === 'none')
      throw new Trouble(
        'permerror',
        `${printable(domain, 255)} includes ${printable(name, 255)}, which has no SPF record`,
      )
    return found.result === 'pass'
  }

  /** §5.4 */
  async #byMx(name: string, test: { readonly bits4: number; readonly bits6: number }): Promise<boolean> {
    const hosts = await this.#filled('mx', name)
    if (hosts.length > MAX_NAMES)
      throw new Trouble('permerror', `${printable(name, 255)} has ${hosts.length} MX records`)
    for (const { exchange } of hosts) {
      if (exchange !== '' && this.#holds(await this.#ask(this.#family(), exchange), test)) return true
    }
    return false
  }

  #family(): 'a' | 'aaaa' {
    return this.#facts.family === 4 ? 'a' : 'aaaa'
  }

  #holds(addresses: readonly string[], { bits4, bits6 }: { readonly bits4: number; readonly bits6: number }): boolean {
    const bits = this.#facts.family === 4 ? bits4 : bits6
    const holds = addresses.some(address => parseNetwork(`${address}/${bits}`)?.(this.#facts.ip) ?? false)
    if (!holds && addresses.length >= MAX_ADDRESSES) throw new Trouble('temperror', 'a name has too many addresses')
    return holds
  }

  #names: Promise<readonly string[]> | undefined

  /** Names of the client that lead back to it (§5.5). Trouble here only means that there are none. */
  #validated(): Promise<readonly string[]> {
    this.#names ??= this.#lookUpNames()
    return this.#names
  }

  async #lookUpNames(): Promise<readonly string[]> {
    const all = await this.#ask('ptr', this.#facts.ip).catch((error: unknown) => this.#withoutNames(error))
    // §4.6.4: the rest is not looked at.
    const names = all.slice(0, MAX_NAMES)
    const back = await Promise.all(names.map(name => this.#leadsBack(name)))
    return names.filter((_, i) => back[i])
  }

  async #leadsBack(name: string): Promise<boolean> {
    try {
      return this.#holds(await this.#ask(this.#family(), name), { bits4: 32, bits6: 128 })
    } catch (error) {
      this.#withoutNames(error)
      return false
    }
  }

  #withoutNames(error: unknown): readonly never[] {
    if (!(error instanceof Trouble)) throw error
    this.#ptrTrouble ??= error.message
    return []
  }

  async #factsFor(macros: MacroString, domain: string): Promise<MacroFacts> {
    if (!asksFor(macros, 'p')) return { ...this.#facts, domain }
    const names = await this.#validated()
    // §7.3: the domain itself, else one below it, else any
    const best =
      names.find(name => name === domain.toLowerCase()) ?? names.find(name => isBelow(name, domain)) ?? names[0]
    return { ...this.#facts, domain, ...(best === undefined ? {} : { validated: best }) }
  }

  /** §6.2: whatever is wrong with it, there just is none. */
  async #explanation({ exp }: SpfRecord, domain: string): Promise<string | undefined> {
    if (exp === undefined || this.#parts.explain === undefined) return undefined
    try {
      const texts = await this.#ask('txt', expandName(exp, await this.#factsFor(exp, domain)))
      const [text] = texts
      const macros = texts.length === 1 && /^[\x20-\x7e]*$/.test(text!) ? readMacros(text!, true) : undefined
      if (macros === undefined) return undefined
      const words = expand(macros, await this.#factsFor(macros, domain))
      return words === '' ? undefined : words
    } catch (error) {
      asNothing(error)
      return undefined
    }
  }

  /** RFC 8616 §4: a local part beyond ASCII is part of no name, and what asks for it matches nothing. */
  #isBeyondNames(macros: MacroString): boolean {
    return !/^[\x20-\x7e]*$/.test(this.#facts.local) && asksFor(macros, 'sl')
  }

  #countTerm(): void {
    this.#terms += 1
    if (this.#terms > MAX_TERMS) throw new Trouble('permerror', `more than ${MAX_TERMS} terms ask the name service`)
  }

  /** The question of a term itself: §4.6.4 counts how often nothing is there. */
  async #filled<K extends keyof Asks>(type: K, name: string): Promise<readonly Asks[K][]> {
    const found = await this.#ask(type, name)
    if (found.length > 0 || !isAskable(name)) return found
    this.#voids += 1
    if (this.#voids > MAX_VOID) throw new Trouble('permerror', `more than ${MAX_VOID} terms name what does not exist`)
    return found
  }

  async #ask<K extends keyof Asks>(type: K, name: string): Promise<readonly Asks[K][]> {
    if (type !== 'ptr' && !isAskable(name)) return []
    this.questions += 1
    try {
      return (await this.#parts.dns[type](name, this.#parts.signal)) as readonly Asks[K][]
    } catch (error) {
      if (!(error instanceof MailError) && !this.#parts.signal.aborted) throw error
      throw new Trouble('temperror', `${type.toUpperCase()} of ${printable(name, 255)} cannot be looked up now`)
    }
  }
}

interface Asks {
  a: string
  aaaa: string
  txt: string
  ptr: string
  mx: { readonly preference: number; readonly exchange: string }
}

/** For what is left out when it fails. */
function asNothing(error: unknown): readonly never[] {
  if (error instanceof Trouble) return []
  throw error
}

function isBelow(name: string, domain: string): boolean {
  const [low, high] = [name.toLowerCase(), domain.toLowerCase()]
  return low === high || low.endsWith(`.${high}`)
}

/** An IPv4 address in IPv6's clothes is one (§5). */
function addressOf(ip: string): { readonly address: string; readonly family: 4 | 6 } {
  const bare = ip.replace(/%.*$/, '').toLowerCase()
  const mapped = /^::ffff:([0-9.]+)$/.exec(bare)?.[1]
  return mapped === undefined ? { address: bare, family: isIPv6(bare) ? 6 : 4 } : { address: mapped, family: 4 }
}
