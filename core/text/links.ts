/**
 * Links of a message that lead into the web, of its HTML and of its plain text, with the host each leads to. Bounded; nothing is visited.
 */
export interface WebLink {
  /** As it stands there. */
  readonly href: string
  /** What a reader sees; '' for one of plain text. */
  readonly text: string
  /** Lower case, A-labels, no final dot; an IPv6 address without its brackets. */
  readonly host: string
  readonly url: URL
}

/** What of a message is read for them. */
export interface LinkedText {
  readonly body: string
  readonly links: readonly { readonly href: string; readonly text: string }[]
}

const MAX_TEXT = 256 * 1024
/** Different ones: many times the same must not hide what comes behind. */
const MAX_LINKS = 300
const MAX_SEEN = 2000
// The bounds on length keep it linear.
const PLAIN_LINK = /\bhttps?:\/\/[^\s<>"'()[\]{}]{3,500}/gi

const known = new WeakMap<LinkedText, readonly WebLink[]>()

/** Found once for each text, whoever asks. */
export function webLinks(text: LinkedText): readonly WebLink[] {
  const there = known.get(text)
  if (there !== undefined) return there
  const found = differentLinks(text)
  known.set(text, found)
  return found
}

function differentLinks(text: LinkedText): WebLink[] {
  const found = new Map<string, WebLink>()
  let seen = 0
  for (const { href, text: shown } of writtenLinks(text)) {
    if (found.size >= MAX_LINKS || ++seen > MAX_SEEN) break
    const key = `${href}\n${shown}`
    const url = found.has(key) ? undefined : webAddress(href)
    if (url !== undefined) found.set(key, { href, text: shown, host: hostOf(url), url })
  }
  return [...found.values()]
}

function* writtenLinks({ links, body }: LinkedText): Generator<{ readonly href: string; readonly text: string }> {
  yield* links
  for (const [href] of body.slice(0, MAX_TEXT).matchAll(PLAIN_LINK)) yield { href, text: '' }
}

function webAddress(href: string): URL | undefined {
  if (!/^\s*https?:/i.test(href)) return undefined
  try {
    return new URL(href.trim())
  } catch {
    return undefined
  }
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$|\.$/g, '')
}
