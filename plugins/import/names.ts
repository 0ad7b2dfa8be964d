/** What a folder of another server is called here. */
import { decodeUtf7, newMailboxName } from 'posthouse/text'

/** Levels as they lie on the disk, to a name that can be; `undefined` when nothing is left of it. */
export function nameHere(levels: readonly string[]): string | undefined {
  const decoded = levels.map(level => decodeUtf7(level) ?? level)
  const name = decoded.join('/')
  // A slash within a level is a letter there, and would make two levels here.
  const plain = decoded.some(level => level.includes('/')) ? undefined : newMailboxName(name)
  return (
    plain ??
    newMailboxName(
      decoded
        .map(possible)
        .filter(level => level !== '')
        .join('/'),
    )
  )
}

function possible(level: string): string {
  const text = level.replace(/[/\p{Cc}\p{Zl}\p{Zp}\p{Surrogate}]/gu, '_')
  if (text === '.' || text === '..') return text.replaceAll('.', '_')
  let short = [...text].slice(0, 200)
  while (Buffer.byteLength(short.join('')) > 200) short = short.slice(0, -1)
  return short.join('')
}

/** `Sent Items=Sent,Spam=Junk`: a folder, and what is below it, gets another name. `undefined` when it says nothing. */
export function readMap(text: string): ((name: string) => string) | undefined {
  const pairs = text.split(',').map(pair => pair.split('=').map(side => side.trim()))
  if (!pairs.every(pair => pair.length === 2 && pair.every(side => newMailboxName(side) !== undefined)))
    return undefined
  return name => {
    for (const [from, to] of pairs as [string, string][]) {
      if (name === from) return to
      if (name.startsWith(`${from}/`)) return to + name.slice(from.length)
    }
    return name
  }
}
