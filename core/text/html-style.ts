/**
 * What style makes of text: is it seen, and in which colour on which. Only the few properties that can hide text are read, inherited as
 * browsers do: no size and same colour end where a child says otherwise, not shown and off the screen do not.
 */
import { looksTheSame, readColour, TRANSPARENT, UNKNOWN } from './css-colour.js'
import type { Veil } from './html-facts.js'

/** What one `style=` or one rule says; left out: it says nothing of it. */
export interface Declared {
  readonly colour?: number
  readonly back?: number
  /** In px, or as a factor of what is around it. */
  readonly size?: { readonly px: number } | { readonly times: number }
  /** For everything inside. */
  readonly veil?: Veil
  /** `display` says it is shown, which undoes a rule. */
  readonly shown?: true
  /** Written from right to left, letter by letter. */
  readonly turned?: boolean
}

export interface Style {
  readonly colour: number
  readonly back: number
  readonly px: number
  /** Of the element or one around it, which no child can undo. */
  readonly closed: Veil | undefined
  /** Why text right here is not seen. */
  readonly veil: Veil | undefined
  /** Its letters stand in the wrong order, and are shown in the right one (`unicode-bidi`). */
  readonly turned: boolean
}

/** Black on white, as mail programs start. */
export const PLAIN: Style = { colour: 0, back: 0xffffff, px: 16, closed: undefined, veil: undefined, turned: false }

/** Smaller letters nobody reads. */
const TINY_PX = 4
/** Further out than any screen is wide. */
const FAR_PX = -400
const NEARLY_NOTHING = 0.06
const NOTHING: Declared = {}

export function styled(around: Style, declared: Declared): Style {
  const { colour = around.colour, back = TRANSPARENT, size } = declared
  const px = size === undefined ? around.px : 'px' in size ? size.px : around.px * size.times
  const behind = back === TRANSPARENT ? around.back : back
  const closed = around.closed ?? declared.veil
  const veil =
    closed ??
    (px < TINY_PX
      ? 'tiny'
      : colour === TRANSPARENT
        ? 'transparent'
        : looksTheSame(colour, behind)
          ? 'colour'
          : undefined)
  return { colour, back: behind, px, closed, veil, turned: declared.turned ?? around.turned }
}

/** `later` wins. */
export function together(earlier: Declared, later: Declared): Declared {
  const both = { ...earlier, ...later }
  if (later.shown !== true || earlier.veil !== 'display' || later.veil !== undefined) return both
  const { veil: _, ...shown } = both
  return shown
}

/** Declarations as a `style` attribute or the body of a rule holds them. */
export function readDeclarations(css: string): Declared {
  const facts = new Box()
  let any = false
  for (const one of css.split(';', 60)) {
    const colon = one.indexOf(':')
    if (colon < 0) continue
    const read = PROPERTIES.get(one.slice(0, colon).trim().toLowerCase())
    if (read === undefined) continue
    const value = one
      .slice(colon + 1, colon + 200)
      .trim()
      .toLowerCase()
      .replace(/\s*!\s*important$/, '')
    read(facts, value)
    any = true
  }
  return any ? facts.declared() : NOTHING
}

/** What is gathered of one set of declarations: some hide only together. */
class Box {
  colour?: number
  back?: number
  size?: Declared['size']
  veil?: Veil
  shown?: true
  width?: number
  height?: number
  maxHeight?: number
  maxWidth?: number
  cuts = false
  turned = false
  overrides = false
  away = false
  far = false

  declared(): Declared {
    const veil = this.veil ?? this.#veil()
    return {
      ...(this.colour !== undefined && { colour: this.colour }),
      ...(this.back !== undefined && { back: this.back }),
      ...(this.size !== undefined && { size: this.size }),
      ...(veil !== undefined && { veil }),
      ...(this.shown && { shown: this.shown }),
      ...(this.turned && this.overrides && { turned: true }),
    }
  }

  #veil(): Veil | undefined {
    const small = (length: number | undefined) => length !== undefined && length <= 1
    const noRoom = small(this.height) || small(this.width) || small(this.maxHeight) || small(this.maxWidth)
    if (this.cuts && noRoom) return 'tiny'
    return this.away && this.far ? 'off-screen' : undefined
  }
}

type Read = (box: Box, value: string) => void

const lengthInto =
  (name: 'width' | 'height' | 'maxHeight' | 'maxWidth'): Read =>
  (box, value) => {
    const px = lengthOf(value)
    if (px !== undefined) box[name] = px
  }

const place: Read = (box, value) => {
  if ((lengthOf(value) ?? 0) <= FAR_PX) box.far = true
}

const indent: Read = (box, value) => {
  if ((lengthOf(value) ?? 0) <= FAR_PX) box.veil ??= 'off-screen'
}

const background: Read = (box, value) => {
  box.back = /url\(|gradient|var\(/.test(value) ? UNKNOWN : backgroundColour(value)
}

const clip: Read = (box, value) => {
  if (
    /^rect\(\s*(?:0|1)(?:px)?[\s,]+(?:0|1)(?:px)?[\s,]+(?:0|1)(?:px)?[\s,]+(?:0|1)(?:px)?\s*\)|inset\((?:50|100)%/.test(
      value,
    )
  ) {
    box.veil ??= 'tiny'
  }
}

const PROPERTIES: ReadonlyMap<string, Read> = new Map<string, Read>([
  [
    'display',
    (box, value) => {
      if (value === 'none') box.veil ??= 'display'
      else {
        box.shown = true
        if (box.veil === 'display') delete box.veil
      }
    },
  ],
  [
    'visibility',
    (box, value) => {
      if (value === 'hidden' || value === 'collapse') box.veil ??= 'display'
    },
  ],
  [
    'color',
    (box, value) => {
      box.colour = readColour(value)
    },
  ],
  ['background', background],
  ['background-color', background],
  [
    'background-image',
    (box, value) => {
      if (value !== 'none') box.back = UNKNOWN
    },
  ],
  [
    'font-size',
    (box, value) => {
      box.size = fontSize(value) ?? box.size
    },
  ],
  [
    'font',
    (box, value) => {
      const size = value
        .split('/', 1)[0]!
        .split(/\s+/)
        .map(fontSize)
        .find(one => one !== undefined)
      if (size !== undefined) box.size = size
    },
  ],
  [
    'opacity',
    (box, value) => {
      const share = Number.parseFloat(value) / (value.endsWith('%') ? 100 : 1)
      if (share < NEARLY_NOTHING) box.veil ??= 'transparent'
    },
  ],
  [
    'filter',
    (box, value) => {
      if (/opacity(?:=|\()0(?:\.0+)?%?\)/.test(value)) box.veil ??= 'transparent'
    },
  ],
  [
    'overflow',
    (box, value) => {
      if (value.startsWith('hidden') || value.startsWith('clip')) box.cuts = true
    },
  ],
  [
    'position',
    (box, value) => {
      if (value === 'absolute' || value === 'fixed' || value === 'relative') box.away = true
    },
  ],
  [
    'direction',
    (box, value) => {
      box.turned = value === 'rtl'
    },
  ],
  [
    'unicode-bidi',
    (box, value) => {
      box.overrides = value.includes('override')
    },
  ],
  ['left', place],
  ['top', place],
  ['right', place],
  ['bottom', place],
  ['text-indent', indent],
  ['margin-left', indent],
  ['margin-top', indent],
  ['width', lengthInto('width')],
  ['height', lengthInto('height')],
  ['max-height', lengthInto('maxHeight')],
  ['max-width', lengthInto('maxWidth')],
  ['clip', clip],
  ['clip-path', clip],
])

/** The first word of `background: #fff no-repeat` that is a colour. */
function backgroundColour(value: string): number {
  const whole = readColour(value)
  if (whole !== UNKNOWN) return whole
  for (const word of value.split(/\s+(?![^(]*\))/, 8)) {
    const colour = readColour(word)
    if (colour !== UNKNOWN) return colour
  }
  return value === 'none' ? TRANSPARENT : UNKNOWN
}

const LENGTH = /^(-?\d{0,7}(?:\.\d{1,6})?)(px|pt|em|rem|%|ex|cm|mm|in|vw|vh)?$/
const PX: ReadonlyMap<string, number> = new Map([
  ['px', 1],
  ['pt', 4 / 3],
  ['em', 16],
  ['rem', 16],
  ['ex', 8],
  ['cm', 38],
  ['mm', 3.8],
  ['in', 96],
  ['vw', 12],
  ['vh', 8],
])

function lengthOf(value: string): number | undefined {
  const found = LENGTH.exec(value)
  if (found === null || found[1] === '' || found[1] === '-') return undefined
  const unit = found[2] ?? 'px'
  // Of what a share is, is not known here; none of it is none.
  if (unit === '%') return Number(found[1]) === 0 ? 0 : undefined
  return Number(found[1]) * PX.get(unit)!
}

function fontSize(value: string): Declared['size'] {
  const found = LENGTH.exec(value)
  if (found === null || found[1] === '' || found[1] === '-') return undefined
  const [, number, unit = 'px'] = found
  if (unit === 'em' || unit === '%') return { times: Number(number) / (unit === '%' ? 100 : 1) }
  return { px: Number(number) * PX.get(unit)! }
}
