/**
 * Address fields of messages (RFC 5322 §3.4 with the obsolete forms of §4.4): From, To, Reply-To.
 * One pass from left to right, no recursion, bounded; broken input gives the best reading, never an error.
 * Text is as written (octets as Latin-1, encoded words not decoded), which is what IMAP's ENVELOPE wants.
 */
export interface MailboxItem {
  readonly kind: 'mailbox'
  /** Display name with its quotes removed, or '' */
  readonly name: string
  /** Obsolete source route `@a,@b`, or ''. */
  readonly route: string
  readonly local: string
  /** Empty when there was no `@`. */
  readonly domain: string
}

export interface GroupItem {
  readonly kind: 'group'
  readonly name: string
  readonly members: MailboxItem[]
}

export type AddressItem = MailboxItem | GroupItem

type Token =
  | { readonly kind: 'word' | 'quoted' | 'comment' | 'literal'; readonly text: string }
  | { readonly kind: 'special'; readonly text: string }

const MAX_LENGTH = 256 * 1024
const MAX_ITEMS = 5000
const SPECIALS = '<>@,:;.'

export function parseAddressList(raw: string): AddressItem[] {
  const items: AddressItem[] = []
  let group: { kind: 'group'; name: string; members: MailboxItem[] } | undefined
  let held: Token[] = []
  let angle = false
  let count = 0
  const flush = (): void => {
    const mailbox = mailboxOf(held)
    held = []
    angle = false
    if (mailbox === undefined || count >= MAX_ITEMS) return
    count += 1
    if (group === undefined) items.push(mailbox)
    else group.members.push(mailbox)
  }
  for (const token of tokens(raw.slice(0, MAX_LENGTH))) {
    const special = token.kind === 'special' ? token.text : ''
    if (special === '<') angle = true
    else if (special === '>') angle = false
    if (special === ',' && !(angle && inRoute(held))) flush()
    else if (special === ':' && !angle && group === undefined && count < MAX_ITEMS) {
      group = { kind: 'group', name: phrase(held), members: [] }
      items.push(group)
      count += 1
      held = []
    } else if (special === ';' && !angle) {
      flush()
      group = undefined
    } else held.push(token)
  }
  flush()
  return items
}

/** In `<@a,@b:user@c>` commas do not end the mailbox. */
function inRoute(held: readonly Token[]): boolean {
  const open = held.findLastIndex(token => token.text === '<' && token.kind === 'special')
  return held[open + 1]?.text === '@' && !held.slice(open).some(token => token.text === ':' && token.kind === 'special')
}

function mailboxOf(held: readonly Token[]): MailboxItem | undefined {
  const isSpecial = (text: string) => (token: Token) => token.kind === 'special' && token.text === text
  const open = held.findIndex(isSpecial('<'))
  if (open < 0) return bareMailbox(held)
  const close = held.findIndex((token, i) => i > open && isSpecial('>')(token))
  const inside = held.slice(open + 1, close < 0 ? undefined : close)
  const colon = inside.findIndex(isSpecial(':'))
  const route = colon < 0 ? '' : plain(inside.slice(0, colon))
  const name = phrase(held.slice(0, open))
  const spec = addressSpec(inside.slice(colon + 1))
  const comment = name === '' ? commentOf(held) : name
  return spec.local === '' && spec.domain === '' && comment === ''
    ? undefined
    : { kind: 'mailbox', name: comment, route, ...spec }
}

/** `user@host (Name)` */
function bareMailbox(held: readonly Token[]): MailboxItem | undefined {
  const spec = addressSpec(held)
  if (spec.local === '' && spec.domain === '') return undefined
  return { kind: 'mailbox', name: commentOf(held), route: '', ...spec }
}

function addressSpec(tokens: readonly Token[]): { local: string; domain: string } {
  const at = tokens.findLastIndex(token => token.kind === 'special' && token.text === '@')
  if (at < 0) return { local: phrase(tokens), domain: '' }
  return { local: plain(tokens.slice(0, at)), domain: plain(tokens.slice(at + 1)) }
}

function commentOf(tokens: readonly Token[]): string {
  return tokens.findLast(token => token.kind === 'comment')?.text ?? ''
}

/** Text without white space and comments. */
function plain(tokens: readonly Token[]): string {
  return tokens.map(token => (token.kind === 'comment' ? '' : token.text)).join('')
}

/** Words with one space between them; dots stick to the word before (obs-phrase: `John Q. Public`). */
function phrase(tokens: readonly Token[]): string {
  let text = ''
  for (const token of tokens) {
    if (token.kind === 'comment') continue
    text += text === '' || token.kind === 'special' ? token.text : text.endsWith('@') ? token.text : ` ${token.text}`
  }
  return text
}

function* tokens(raw: string): Generator<Token> {
  let at = 0
  while (at < raw.length) {
    const char = raw[at]!
    if (char <= ' ') {
      at += 1
    } else if (SPECIALS.includes(char)) {
      yield { kind: 'special', text: char }
      at += 1
    } else if (char === '"' || char === '(' || char === '[') {
      const { token, end } = enclosed(raw, at)
      yield token
      at = end
    } else {
      const end = wordEnd(raw, at)
      yield { kind: 'word', text: raw.slice(at, end) }
      at = end
    }
  }
}

function wordEnd(raw: string, from: number): number {
  let at = from + 1
  while (at < raw.length && raw[at]! > ' ' && !'<>@,:;."(['.includes(raw[at]!)) at += 1
  return at
}

/** A quoted string, a comment (they nest) or a domain literal; one without an end goes to the end. */
function enclosed(raw: string, from: number): { token: Token; end: number } {
  const open = raw[from]!
  const close = open === '"' ? '"' : open === '(' ? ')' : ']'
  let text = open === '[' ? '[' : ''
  let depth = 1
  let at = from + 1
  for (; at < raw.length; at++) {
    let char = raw[at]!
    if (char === '\\' && at + 1 < raw.length) char = raw[++at]!
    else if (char === close) depth -= 1
    else if (char === '(' && open === '(') depth += 1
    if (depth === 0) break
    text += char
  }
  const kind = open === '"' ? 'quoted' : open === '(' ? 'comment' : 'literal'
  return { token: { kind, text: open === '[' ? `${text}]` : text }, end: at + 1 }
}
