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

interface Token {
  readonly kind: 'word' | 'quoted' | 'comment' | 'literal' | 'special'
  readonly text: string
  /** White space stands before it. */
  readonly spaced: boolean
}

const MAX_LENGTH = 256 * 1024
const MAX_ITEMS = 5000
const SPECIALS = '<>@,:;.'

export function parseAddressList(raw: string): AddressItem[] {
  const list = new List()
  for (const token of tokens(raw.slice(0, MAX_LENGTH))) list.take(token)
  return list.finish()
}

type Angle = 'none' | 'start' | 'route' | 'spec'

/** Tokens held for the mailbox at hand, and where it goes. */
class List {
  readonly #items: AddressItem[] = []
  #group: GroupItem | undefined
  #held: Token[] = []
  #count = 0
  /** Inside `<`; `route` while commas are part of `<@a,@b:…`. */
  #angle: Angle = 'none'

  take(token: Token): void {
    const special = token.kind === 'special' ? token.text : ''
    if (special === ',' && this.#angle !== 'route') this.#flush()
    else if (special === ';' && this.#angle === 'none') this.#endGroup()
    else if (special === ':' && this.#angle === 'none' && this.#group === undefined) this.#openGroup()
    else {
      this.#angle = this.#angleAfter(special)
      this.#held.push(token)
    }
  }

  finish(): AddressItem[] {
    this.#flush()
    return this.#items
  }

  #angleAfter(special: string): Angle {
    if (special === '<') return 'start'
    if (special === '>') return 'none'
    if (this.#angle === 'start') return special === '@' ? 'route' : 'spec'
    return this.#angle === 'route' && special === ':' ? 'spec' : this.#angle
  }

  #openGroup(): void {
    const group: GroupItem = { kind: 'group', name: phrase(this.#held), members: [] }
    this.#held = []
    if (this.#count++ >= MAX_ITEMS) return
    this.#group = group
    this.#items.push(group)
  }

  #endGroup(): void {
    this.#flush()
    this.#group = undefined
  }

  #flush(): void {
    const mailbox = mailboxOf(this.#held)
    this.#held = []
    this.#angle = 'none'
    if (mailbox !== undefined && this.#count++ < MAX_ITEMS) (this.#group?.members ?? this.#items).push(mailbox)
  }
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

/** `user@host (Name)`; a `>` that closes nothing belongs to no name. */
function bareMailbox(held: readonly Token[]): MailboxItem | undefined {
  const spec = addressSpec(held.filter(token => token.kind !== 'special' || token.text !== '>'))
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

/** Text without comments, and without white space where it means nothing: around dots and the like. */
function plain(tokens: readonly Token[]): string {
  return joined(tokens, (before, token) => before.kind !== 'special' && token.kind !== 'special' && token.spaced)
}

/** Words with one space between them; dots stick to the word before and, if written so, to the one after (obs-phrase: `John Q. Public`). */
function phrase(tokens: readonly Token[]): string {
  return joined(tokens, (before, token) => {
    if (token.kind === 'special') return false
    return before.kind !== 'special' || (before.text !== '@' && token.spaced)
  })
}

function joined(tokens: readonly Token[], apart: (before: Token, token: Token) => boolean): string {
  const words = tokens.filter(token => token.kind !== 'comment')
  return words.map((token, i) => (i > 0 && apart(words[i - 1]!, token) ? ` ${token.text}` : token.text)).join('')
}

function* tokens(raw: string): Generator<Token> {
  let at = 0
  let spaced = false
  while (at < raw.length) {
    const char = raw[at]!
    if (char <= ' ') {
      at += 1
      spaced = true
      continue
    }
    if (SPECIALS.includes(char)) {
      yield { kind: 'special', text: char, spaced }
      at += 1
    } else if (char === '"' || char === '(' || char === '[') {
      const { kind, text, end } = enclosed(raw, at)
      yield { kind, text, spaced }
      at = end
    } else {
      const end = wordEnd(raw, at)
      yield { kind: 'word', text: raw.slice(at, end), spaced }
      at = end
    }
    // A comment is white space (RFC 5322 §3.2.2).
    spaced = char === '('
  }
}

function wordEnd(raw: string, from: number): number {
  let at = from + 1
  while (at < raw.length && raw[at]! > ' ' && !'<>@,:;."(['.includes(raw[at]!)) at += 1
  return at
}

/** A quoted string, a comment (they nest) or a domain literal; one without an end goes to the end. */
function enclosed(raw: string, from: number): Pick<Token, 'kind' | 'text'> & { end: number } {
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
  return { kind, text: open === '[' ? `${text}]` : text, end: at + 1 }
}
