/** What the programs of the bench share in reading their command lines: values within bounds, and sentences for what cannot be, with what was probably meant. Pure. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { closest, parseSize } from 'posthouse/text'

/** What was asked for cannot be: its sentence is told, and the exit code is 2. */
export class Wrong extends Error {}

/** `parseArgs`, whose refusal names the option that was probably meant. */
export function parseOptions<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code?.startsWith('ERR_PARSE_ARGS') !== true) throw error
    const known = Object.keys(config.options ?? {})
    const wrong = /'--?([^' =]+)/.exec(message)?.[1]
    const hint = wrong === undefined || known.includes(wrong) ? '' : meantText(`--${wrong}`, known, '--')
    throw new Wrong(`${message.split('. ')[0]}${hint}`)
  }
}

/** What follows the name of something that is not there. */
export function meantText(word: string, known: readonly string[], prefix = ''): string {
  const meant = closest(
    word,
    known.map(one => `${prefix}${one}`),
  )
  if (meant !== undefined) return `, did you mean ${meant}?`
  return prefix === '' ? `; there are ${known.join(', ')}` : ''
}

export function list<T>(text: string, read: (item: string) => T): T[] {
  return text.split(',').map(item => read(item.trim()))
}

export function countOf(name: string, least: number, most: number): (text: string) => number {
  return text => {
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= least && value <= most)) {
      throw new Wrong(`${name}: expected a number from ${least} to ${most}, found "${text}"`)
    }
    return value
  }
}

export function sizeOf(text: string): number {
  const bytes = parseSize(text)
  // The header alone needs some 400 octets; above 40 MB the server's own limit is met.
  if (bytes === undefined || bytes < 512 || bytes > 40 * 1024 * 1024) {
    throw new Wrong(`--size: expected a size from 512 to 40MB, found "${text}"`)
  }
  return bytes
}

export function secondsOf(text: string): number {
  const value = /^[0-9]{1,4}(\.[0-9]{1,3})?$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= 0.2 && value <= 600)) {
    throw new Wrong(`--seconds: expected a number from 0.2 to 600, found "${text}"`)
  }
  return value
}

export function oneOf<T extends string>(name: string, known: readonly T[]): (text: string) => T {
  return text => {
    const found = known.find(one => one === text)
    if (found !== undefined) return found
    const meant = closest(text, known)
    const words = known.join(known.length === 2 ? ' or ' : ', ')
    throw new Wrong(
      `${name}: expected ${words}, found "${text}"${meant === undefined ? '' : `, did you mean ${meant}?`}`,
    )
  }
}
