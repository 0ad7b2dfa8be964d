/** Colours as mails write them, and whether an eye can tell two apart. */

/** No colour, a picture, or one that is not known here. */
export const UNKNOWN = -1
export const TRANSPARENT = -2

// Names that mails use; the light ones all, since those hide on white.
const NAMES = new Map<string, number>(
  (
    'black:0 white:ffffff red:ff0000 green:8000 blue:ff yellow:ffff00 gray:808080 grey:808080 silver:c0c0c0 maroon:800000 navy:80 ' +
    'olive:808000 purple:800080 teal:8080 lime:ff00 aqua:ffff cyan:ffff fuchsia:ff00ff magenta:ff00ff orange:ffa500 snow:fffafa ' +
    'ivory:fffff0 ghostwhite:f8f8ff whitesmoke:f5f5f5 floralwhite:fffaf0 mintcream:f5fffa azure:f0ffff aliceblue:f0f8ff ' +
    'honeydew:f0fff0 seashell:fff5ee oldlace:fdf5e6 linen:faf0e6 lavenderblush:fff0f5 lavender:e6e6fa beige:f5f5dc ' +
    'lightyellow:ffffe0 lightcyan:e0ffff cornsilk:fff8dc lightgoldenrodyellow:fafad2 gainsboro:dcdcdc lightgray:d3d3d3 ' +
    'lightgrey:d3d3d3 darkgray:a9a9a9 darkgrey:a9a9a9 dimgray:696969 dimgrey:696969 pink:ffc0cb brown:a52a2a gold:ffd700 ' +
    'darkblue:8b darkred:8b0000 darkgreen:6400 lightblue:add8e6 skyblue:87ceeb steelblue:4682b4 tomato:ff6347 crimson:dc143c'
  )
    .split(' ')
    .map(entry => {
      const [name, hex] = entry.split(':')
      return [name!, Number.parseInt(hex!, 16)] as const
    }),
)
const FUNCTION = /^rgba?\(\s*(\d{1,3})(%?)[\s,]+(\d{1,3})%?[\s,]+(\d{1,3})%?\s*(?:[,/]\s*([\d.]{1,6})(%?)\s*)?\)$/
/** Of 255, in each of red, green and blue: `#eeeeee` on white is not seen. */
const SAME = 24

/** `bare`: an attribute, where `ffffff` is a colour too. */
export function readColour(written: string, bare = false): number {
  const text = written.trim().toLowerCase()
  if (text.startsWith('#')) return hexColour(text.slice(1))
  const named = NAMES.get(text)
  if (named !== undefined) return named
  if (text === 'transparent') return TRANSPARENT
  if (text.startsWith('rgb')) return functionColour(text)
  return bare ? hexColour(text) : UNKNOWN
}

function hexColour(hex: string): number {
  if (!/^[0-9a-f]{3,8}$/.test(hex)) return UNKNOWN
  if (hex.length === 3 || hex.length === 4) {
    if (hex[3] === '0') return TRANSPARENT
    return Number.parseInt(hex[0]! + hex[0]! + hex[1]! + hex[1]! + hex[2]! + hex[2]!, 16)
  }
  if (hex.length === 8 && hex.endsWith('00')) return TRANSPARENT
  return hex.length === 6 || hex.length === 8 ? Number.parseInt(hex.slice(0, 6), 16) : UNKNOWN
}

function functionColour(text: string): number {
  const found = FUNCTION.exec(text)
  if (found === null) return UNKNOWN
  const [, red, percent, green, blue, alpha, alphaPercent] = found
  if (alpha !== undefined && Number(alpha) / (alphaPercent === '%' ? 100 : 1) < 0.06) return TRANSPARENT
  const channel = (value: string) => Math.min(255, Math.round(Number(value) * (percent === '%' ? 2.55 : 1)))
  return (channel(red!) << 16) | (channel(green!) << 8) | channel(blue!)
}

export function looksTheSame(one: number, other: number): boolean {
  if (one < 0 || other < 0) return false
  return (
    Math.abs((one >> 16) - (other >> 16)) <= SAME &&
    Math.abs(((one >> 8) & 255) - ((other >> 8) & 255)) <= SAME &&
    Math.abs((one & 255) - (other & 255)) <= SAME
  )
}
