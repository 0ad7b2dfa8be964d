/**
 * What HTML parts hold beside text: what is hidden and how, pictures, forms. Facts only, what they mean is for rules: nearly every
 * newsletter hides a line of preview and counts its readers with a tiny picture.
 */

/** How text can be there without being seen. */
export type Veil =
  /** display:none, visibility:hidden, the attribute `hidden`. */
  | 'display'
  /** Letters of no size, or nearly; a box of no size that cuts off what is in it. */
  | 'tiny'
  /** Letters in the colour of what is behind them, or nearly. */
  | 'colour'
  | 'transparent'
  | 'off-screen'

export interface HtmlForm {
  /** Where it sends what is filled in; '' when it does not say. */
  readonly action: string
  /** Things to fill in. */
  readonly fields: number
  /** One of them is for a password. */
  readonly password: boolean
}

export interface HtmlFacts {
  /** Characters of text that are seen, and that are not; white space drawn together. */
  readonly shownChars: number
  readonly hiddenChars: number
  readonly hiddenBy: readonly Veil[]
  /** Words with something unseen in them: a comment, a tag that does nothing, hidden letters. */
  readonly splitWords: number
  /** The first few of them, as they are seen. */
  readonly splitSamples: readonly string[]
  readonly comments: number
  /** The first some. */
  readonly forms: readonly HtmlForm[]
  /** `remote` are fetched from the web, `inline` come with the mail; `tiny` ones of at most 3 × 3; `linked` ones lead somewhere. */
  readonly images: { readonly remote: number; readonly inline: number; readonly tiny: number; readonly linked: number }
  /** Addresses of the first some remote ones, each once. */
  readonly imageSources: readonly string[]
  /** What they say in place of themselves (`alt`). */
  readonly imageText: string
  /** Scripts, handlers (`onload=`) and `javascript:` links: no mail program runs them, so an honest one has none. */
  readonly scripts: number
  /** Where `<meta http-equiv=refresh>` leads. */
  readonly refresh?: string
  /** `<base href>`: relative links lead there. */
  readonly base?: string
}

export const NO_HTML: HtmlFacts = {
  shownChars: 0,
  hiddenChars: 0,
  hiddenBy: [],
  splitWords: 0,
  splitSamples: [],
  comments: 0,
  forms: [],
  images: { remote: 0, inline: 0, tiny: 0, linked: 0 },
  imageSources: [],
  imageText: '',
  scripts: 0,
}

const MAX_FORMS = 20
const MAX_SAMPLES = 10
const MAX_SOURCES = 200

/** Those of several parts as if they were one. */
export function togetherInOne(all: readonly HtmlFacts[]): HtmlFacts {
  if (all.length === 1) return all[0]!
  const sum = (of: (one: HtmlFacts) => number) => all.reduce((total, one) => total + of(one), 0)
  const refresh = all.find(one => one.refresh !== undefined)?.refresh
  const base = all.find(one => one.base !== undefined)?.base
  return {
    shownChars: sum(one => one.shownChars),
    hiddenChars: sum(one => one.hiddenChars),
    hiddenBy: [...new Set(all.flatMap(one => one.hiddenBy))],
    splitWords: sum(one => one.splitWords),
    splitSamples: all.flatMap(one => one.splitSamples).slice(0, MAX_SAMPLES),
    comments: sum(one => one.comments),
    forms: all.flatMap(one => one.forms).slice(0, MAX_FORMS),
    images: {
      remote: sum(one => one.images.remote),
      inline: sum(one => one.images.inline),
      tiny: sum(one => one.images.tiny),
      linked: sum(one => one.images.linked),
    },
    imageSources: [...new Set(all.flatMap(one => one.imageSources))].slice(0, MAX_SOURCES),
    imageText: all
      .map(one => one.imageText)
      .filter(text => text !== '')
      .join('\n'),
    scripts: sum(one => one.scripts),
    ...(refresh !== undefined && { refresh }),
    ...(base !== undefined && { base }),
  }
}
