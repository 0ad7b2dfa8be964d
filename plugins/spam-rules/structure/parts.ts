/** MIME as mail programs do not make it, and what text hides beside the text. */
import type { MessageText, PartFacts } from 'posthouse/api'
import type { Facts } from '../facts.js'
import { type Look, Shape } from './shape.js'
import { wordsIn } from './word-set.js'

const LEAST_WORDS = 20
const MUCH_HIDDEN = 600
/** Of the words of the shorter one. */
const SHARED = 0.15
const VISIBLE = /\S+/g

export const PART_TESTS = {
  // RFC 2045 §4: what has MIME in it says so.
  'mime-version-missing': facts => {
    const shape = Shape.of(facts)
    return shape.has('content-type') && !shape.has('mime-version') && !isPlain(shape.raw('content-type'))
      ? shape.raw('content-type').slice(0, 40)
      : undefined
  },

  'mime-version-odd': facts => {
    const version = Shape.of(facts).raw('mime-version').slice(0, 200).trim()
    return version === '' || /^(?:\([^)]{0,100}\)\s{0,5})?1\s?\.\s?0\b/.test(version) ? undefined : version.slice(0, 40)
  },

  /** A list that takes the HTML out leaves plain text alone in it; nobody honest has reason to leave the HTML. */
  'alternative-of-one': ({ seen }) => {
    for (const part of seen.parts) {
      if (part.type !== 'multipart/alternative') continue
      const children = childrenOf(seen, part)
      if (children.length === 1 && children[0]!.type === 'text/html') return 'text/html'
    }
    return undefined
  },

  // RFC 2046 §5.1.4: the best comes last.
  'alternative-upside-down': ({ seen }) => {
    const found = seen.parts.some(part => {
      if (part.type !== 'multipart/alternative') return false
      const types = childrenOf(seen, part).map(({ type }) => type)
      return types[0] === 'text/html' && types.includes('text/plain')
    })
    return found ? 'HTML before plain text' : undefined
  },

  /** The plain text is for filters and the HTML for people. */
  'alternatives-differ': ({ seen }) => {
    const texts = bothTexts(seen)
    if (texts === undefined) return undefined
    const [plain, html] = texts.map(wordsIn)
    const fewer = Math.min(plain!.size, html!.size)
    if (fewer < LEAST_WORDS) return undefined
    const shared = [...plain!].filter(word => html!.has(word)).length
    return shared < fewer * SHARED ? `${shared} of ${fewer} words` : undefined
  },

  'html-only': ({ seen }) => {
    const [whole] = seen.parts
    return whole !== undefined && seen.parts.length === 1 && whole.type === 'text/html' ? 'HTML' : undefined
  },

  'images-only': ({ seen: { htmlFacts, body } }) => {
    const { remote, inline, tiny } = htmlFacts.images
    const shown = remote + inline - tiny
    return shown > 0 && isShort(body, 60) ? `${shown} images and hardly a word` : undefined
  },

  'words-split': ({ seen: { htmlFacts } }) =>
    htmlFacts.splitWords >= 3
      ? `${htmlFacts.splitSamples.slice(0, 3).join(', ')} (${htmlFacts.splitWords})`
      : undefined,

  /** Newsletters hide a line of preview, what fills it up, and what they show on other screens; who hides a page has another reason. */
  'much-hidden': ({ seen }) => {
    const { hiddenChars, shownChars } = seen.htmlFacts
    if (hiddenChars < MUCH_HIDDEN || hiddenChars < shownChars) return undefined
    return hiddenWords(seen) >= 80 ? `${hiddenChars} characters hidden, ${shownChars} shown` : undefined
  },

  /**
   * In other ways than by `display:none`, which is for other screens. Newsletters hide a preview in all of them at once, of some twenty words;
   * what is merely pale or beside the paper is none.
   */
  'hidden-words': ({ seen }) => {
    const { hiddenBy } = seen.htmlFacts
    const veil = hiddenBy.find(each => each !== 'display')
    if (veil === undefined) return undefined
    const least = hiddenBy.includes('display') || hiddenBy.includes('tiny') ? 30 : 6
    return hiddenWords(seen) >= least ? `${veil}: ${seen.hidden.slice(0, 60)}` : undefined
  },

  /** A file and nothing said about it. */
  'file-alone': facts => {
    const { seen } = facts
    const files = seen.parts.filter(({ role }) => role === 'file')
    if (files.length === 0 || seen.body.trim().length >= 10 || seen.attached !== '') return undefined
    return Shape.of(facts).byList ? undefined : files[0]!.name || files[0]!.type
  },

  'page-leads-on': ({ seen: { htmlFacts } }) => htmlFacts.refresh,
  /** A page that is opened from the disk: no browser warns of it, and what is filled in goes to whom it names. */
  'attached-page-asks': ({ seen: { attachedFacts } }) => {
    const form = attachedFacts?.forms.find(({ fields }) => fields > 0)
    return form === undefined ? undefined : form.action === '' ? 'a form' : `a form for ${form.action.slice(0, 60)}`
  },
  'attached-page-asks-password': ({ seen: { attachedFacts } }) =>
    attachedFacts?.forms.some(({ password }) => password) ? 'a password' : undefined,
  'attached-page-runs-scripts': ({ seen: { attachedFacts } }) => {
    const { scripts = 0, shownChars = 0 } = attachedFacts ?? {}
    return scripts > 0 && shownChars < 400 ? `${scripts} scripts and ${shownChars} characters of text` : undefined
  },

  'page-runs-scripts': ({ seen: { htmlFacts } }) =>
    htmlFacts.scripts > 0 ? `${htmlFacts.scripts} scripts` : undefined,
} as const satisfies Record<string, Look>

/** Different words that are hidden and stand nowhere in what is shown. */
function hiddenWords({ hidden, body }: MessageText): number {
  const shown = wordsIn(body)
  return [...wordsIn(hidden)].filter(word => !shown.has(word)).length
}

function childrenOf(seen: MessageText, { path, depth }: PartFacts): readonly PartFacts[] {
  const prefix = path === '' ? '' : `${path}.`
  return seen.parts.filter(part => part.depth === depth + 1 && part.path.startsWith(prefix) && part.path !== path)
}

function isPlain(type: string): boolean {
  return /^\s*text\/plain\b/i.test(type)
}

/** The text of a message that has one plain part and one HTML part, in two: the HTML's is what comes last. */
function bothTexts({ parts, body, htmlFacts }: Facts['seen']): readonly [string, string] | undefined {
  const read = parts.filter(({ role }) => role === 'body')
  if (read.length !== 2 || read[0]!.type !== 'text/plain' || read[1]!.type !== 'text/html') return undefined
  const cut = body.length - htmlFacts.shownChars
  return htmlFacts.shownChars > 0 && cut > 0 ? [body.slice(0, cut), body.slice(cut)] : undefined
}

/** Fewer characters than that, white space drawn together. */
function isShort(text: string, least: number): boolean {
  let length = -1
  for (const [word] of text.matchAll(VISIBLE)) {
    length += word.length + 1
    if (length >= least) return false
  }
  return true
}
