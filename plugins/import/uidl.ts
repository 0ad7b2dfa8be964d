/**
 * What a message was called by POP3 where it comes from (RFC 1939 §7). Dovecot makes it of UID and UIDVALIDITY by `pop3_uidl_format`, whose
 * variables these are; so an admin can hand over the line of that configuration.
 */
import { CommandError, isUniqueId } from 'posthouse/api'

/** What a format may be made of. */
export interface UidlFacts {
  readonly uid?: number
  readonly uidValidity?: number
  /** Name of the file, without flags. */
  readonly file?: string
}

/** `undefined` when something it is made of is not known, or what comes of it cannot be said by POP3. */
export type UidlOf = (facts: UidlFacts) => string | undefined

/** What Dovecot does if nobody says otherwise. */
export const DOVECOT_UIDL = '%08Xu%08Xv'

const VARIABLE = /%(?:(?<zero>0)?(?<width>[1-9]\d?))?(?<hex>X)?(?<name>[a-zA-Z%])/g

/** Throws `CommandError`. */
export function uidlFormat(format: string): UidlOf {
  const left = format.replace(VARIABLE, (_, _zero, _width, _hex, name: string) => {
    if (!'uvf%'.includes(name))
      throw new CommandError(`--uidl ${format}: %${name} is not known; there are %u, %v and %f`)
    return ''
  })
  if (left.includes('%') || !/^[!-~]*$/.test(left))
    throw new CommandError(`--uidl ${format}: expected a format such as ${DOVECOT_UIDL}`)
  return facts => {
    let known = true
    const text = format.replace(VARIABLE, (_, zero, width, hex, name) => {
      if (name === '%') return '%'
      const value = factOf(facts, name)
      known &&= value !== undefined
      const said = typeof value === 'number' && hex !== undefined ? value.toString(16) : String(value)
      return zero === undefined ? said : said.padStart(Number(width), '0')
    })
    return known && isUniqueId(text) ? text : undefined
  }
}

function factOf({ uid, uidValidity, file }: UidlFacts, name: string): number | string | undefined {
  if (name === 'u') return uid
  return name === 'v' ? uidValidity : file
}
