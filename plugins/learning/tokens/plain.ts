/**
 * Text made alike for learning: lower case, compatible letters (NFKC), no zero-width characters; links, addresses and numbers become signs of
 * their kind, so that what is learned of one mail fits the next. What was quoted and what lists put below is left out, unless little is left then.
 */

/** Stand for a link and for an address. */
export const LINK = '\u0001'
export const ADDRESS = '\u0002'

/** Of the text of a mail: its beginning and its end. */
const FIRST = 4500
const LAST = 1500
/** That much is looked at to find them. */
const LOOKED_AT_FIRST = 12_000
const LOOKED_AT_LAST = 4000

const BEYOND_ASCII = /[^\x00-\x7f]/
const UNSEEN = /\p{Default_Ignorable_Code_Point}/gu
const LINKS = /\b(?:https?:\/\/|www\.)[^\s<>"]{1,2000}/g
/** Once for each run of characters, or a long one would be tried at each of its places. */
const ADDRESSES = /(?<![^\s<>"()[\],;:])[^\s<>"()[\],;:@]{1,100}@[^\s<>"()[\],;:]{1,200}/g
const SPACES = /\s{2,}|[^\S ]/g
const DIGITS = /\d+/g
const ZEROS = ['', '0', '00', '000', '0000', '00000']

export function plain(text: string): string {
  const letters = (BEYOND_ASCII.test(text) ? compatible(text) : text).toLowerCase()
  // What every link and every address has is found at a fraction of what these patterns cost where there are none.
  const linked = letters.includes('://') || letters.includes('www.') ? letters.replace(LINKS, ` ${LINK} `) : letters
  const addressed = linked.includes('@') ? linked.replace(ADDRESSES, ` ${ADDRESS} `) : linked
  return addressed.replace(DIGITS, digits => ZEROS[Math.min(digits.length, 5)]!)
}

/** A single Arabic blessing becomes eighteen letters: a mail of nothing else would be a long one. */
const MOST_GROWTH = 2

function compatible(text: string): string {
  return text
    .normalize('NFKC')
    .slice(0, MOST_GROWTH * text.length)
    .replace(UNSEEN, '')
}

/** Of the body of a mail, what its writer wrote. */
export function plainBody(body: string): string {
  const whole = body.length <= LOOKED_AT_FIRST + LOOKED_AT_LAST
  const ends = whole ? body : `${body.slice(0, LOOKED_AT_FIRST)}\n${body.slice(-LOOKED_AT_LAST)}`
  const text = plain(written(ends)).replace(SPACES, ' ')
  return text.length > FIRST + LAST ? `${text.slice(0, FIRST)} ${text.slice(-LAST)}` : text
}

const QUOTED = /^\s{0,10}[>|]/
const WROTE = /^\s{0,10}(?:on .{5,100} wrote:|-{2,20} ?original message ?-{2,20})\s*$/i
const FOOTER = /^\s{0,10}(?:_{20,}|-{40,})\s*$/
/** Below a footer stands no more than this. */
const MOST_FOOTER = 800
/** So much has to be left, or the rest is not quoted but sent. */
const LEAST_WRITTEN = 0.2
const ENOUGH_WRITTEN = 200

function written(body: string): string {
  // Most mail has nothing that begins a quotation or a footer.
  if (!MARKS.some(mark => body.includes(mark))) return body
  const lines = body.split('\n')
  const footer = footerOf(lines)
  const own = lines.filter((line, at) => at < footer && !isQuoted(line)).join('\n')
  return own.length >= ENOUGH_WRITTEN || own.length >= body.length * LEAST_WRITTEN ? own : body
}

/** What every quoted line, every line above them and every footer has. */
const MARKS = ['>', '|', 'wrote:', '--', '____']

function isQuoted(line: string): boolean {
  return (
    QUOTED.test(line) || (line.length < 130 && (line.includes('wrote:') || line.includes('--')) && WROTE.test(line))
  )
}

function footerOf(lines: readonly string[]): number {
  let chars = 0
  let footer = lines.length
  for (let at = lines.length - 1; at > 0 && chars <= MOST_FOOTER; at--) {
    const line = lines[at]!
    if (FOOTER.test(line)) footer = at
    chars += line.length + 1
  }
  return footer
}
