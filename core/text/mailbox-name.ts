/**
 * Mailbox names: UTF-8 in NFC, `/` between levels, INBOX (also as first level of its inferiors) in upper case (RFC 9051 §5.1).
 * Bounded in length and depth, because names become keys here and files with clients: mbsync takes a level `..` for an attack and syncs
 * nothing any more. Wildcards in names are the protocol's matter.
 */
const MAX_NAME_BYTES = 1000
/** Room for what clients put around a level to make a file name of at most 255 octets. */
const MAX_LEVEL_BYTES = 200
const MAX_LEVELS = 32

/** The name as it is kept, or nothing when no mailbox can be called so. */
export function mailboxName(text: string): string | undefined {
  // Where nearly all mail goes.
  if (text === 'INBOX') return text
  const levels = text.normalize('NFC').split('/')
  if (levels.length > MAX_LEVELS || levels.includes('') || /[\p{Cc}\p{Surrogate}]/u.test(text)) return undefined
  if (levels[0]!.toUpperCase() === 'INBOX') levels[0] = 'INBOX'
  const name = levels.join('/')
  return Buffer.byteLength(name) > MAX_NAME_BYTES ? undefined : name
}

/** The same for a name that is to be made: one that was made before stays reachable. */
export function newMailboxName(text: string): string | undefined {
  const name = mailboxName(text)
  return name?.split('/').every(isLevel) ? name : undefined
}

function isLevel(level: string): boolean {
  // RFC 6855 §3: no separators of lines or paragraphs either.
  if (/[\p{Zl}\p{Zp}]/u.test(level)) return false
  return level !== '.' && level !== '..' && Buffer.byteLength(level) <= MAX_LEVEL_BYTES
}

/** Parents from the top, then the name itself. */
export function mailboxLineage(name: string): readonly string[] {
  const levels = name.split('/')
  return levels.map((_, at) => levels.slice(0, at + 1).join('/'))
}

export function isInferiorMailbox(name: string, of: string): boolean {
  return name.startsWith(`${of}/`)
}
