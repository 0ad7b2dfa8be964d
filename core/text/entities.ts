/**
 * Named and numeric character references of HTML, as far as mails use them: the 252 names of HTML 4 and a few since.
 * Kept apart from html.ts because the table is most of it. Unknown references stay as written.
 */
import { decodeWestern } from './charset.js'

const LATIN1 =
  'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para ' +
  'middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute ' +
  'Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute ' +
  'THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ' +
  'ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml'
const GREEK =
  'Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho - Sigma Tau Upsilon Phi Chi Psi Omega ' +
  '- - - - - - - alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigmaf sigma tau upsilon ' +
  'phi chi psi omega'
const OTHERS =
  'quot:22 amp:26 lt:3c gt:3e apos:27 QUOT:22 AMP:26 LT:3c GT:3e COPY:a9 REG:ae Tab:9 NewLine:a excl:21 num:23 dollar:24 percnt:25 ' +
  'lpar:28 rpar:29 ast:2a plus:2b comma:2c period:2e sol:2f colon:3a semi:3b equals:3d quest:3f commat:40 lsqb:5b lbrack:5b bsol:5c ' +
  'rsqb:5d rbrack:5d Hat:5e lowbar:5f grave:60 lcub:7b lbrace:7b verbar:7c vert:7c rcub:7d rbrace:7d OElig:152 oelig:153 Scaron:160 ' +
  'scaron:161 Yuml:178 fnof:192 circ:2c6 tilde:2dc thetasym:3d1 upsih:3d2 piv:3d6 ensp:2002 emsp:2003 thinsp:2009 zwnj:200c zwj:200d ' +
  'lrm:200e rlm:200f ndash:2013 mdash:2014 horbar:2015 lsquo:2018 rsquo:2019 sbquo:201a ldquo:201c rdquo:201d bdquo:201e dagger:2020 ' +
  'Dagger:2021 bull:2022 hellip:2026 permil:2030 prime:2032 Prime:2033 lsaquo:2039 rsaquo:203a oline:203e frasl:2044 euro:20ac ' +
  'image:2111 weierp:2118 real:211c trade:2122 TRADE:2122 alefsym:2135 larr:2190 uarr:2191 rarr:2192 darr:2193 harr:2194 crarr:21b5 ' +
  'lArr:21d0 uArr:21d1 rArr:21d2 dArr:21d3 hArr:21d4 forall:2200 part:2202 exist:2203 empty:2205 nabla:2207 isin:2208 notin:2209 ni:220b ' +
  'prod:220f sum:2211 minus:2212 lowast:2217 radic:221a prop:221d infin:221e ang:2220 and:2227 or:2228 cap:2229 cup:222a int:222b ' +
  'there4:2234 sim:223c cong:2245 asymp:2248 ne:2260 equiv:2261 le:2264 ge:2265 sub:2282 sup:2283 nsub:2284 sube:2286 supe:2287 ' +
  'oplus:2295 otimes:2297 perp:22a5 sdot:22c5 lceil:2308 rceil:2309 lfloor:230a rfloor:230b lang:2329 rang:232a loz:25ca spades:2660 ' +
  'clubs:2663 hearts:2665 diams:2666 check:2713 starf:2605 star:2606 phone:260e zwsp:200b ZeroWidthSpace:200b NoBreak:2060 ' +
  'Ccaron:10c ccaron:10d Ecaron:11a ecaron:11b Rcaron:158 rcaron:159 Zcaron:17d zcaron:17e Lstrok:141 lstrok:142 inodot:131 Idot:130'

const NAMES = new Map<string, string>([
  ...LATIN1.split(' ').map((name, i) => [name, String.fromCharCode(160 + i)] as const),
  ...GREEK.split(' ').map((name, i) => [name, String.fromCharCode(0x391 + i)] as const),
  ...OTHERS.split(' ').map(entry => {
    const [name, code] = entry.split(':')
    return [name!, String.fromCharCode(Number.parseInt(code!, 16))] as const
  }),
])
// Sticky: looked for where an ampersand stands, which is quicker than to let it look for one.
const REFERENCE = /#(\d{1,8});?|#[xX]([0-9a-fA-F]{1,7});?|([A-Za-z][A-Za-z0-9]{1,30});?/y

export function decodeEntities(text: string): string {
  let amp = text.indexOf('&')
  if (amp < 0) return text
  let out = ''
  let at = 0
  while (amp >= 0) {
    const decoded = referenceAt(text, amp + 1)
    if (decoded !== undefined) {
      out += text.slice(at, amp) + decoded
      at = REFERENCE.lastIndex
    }
    amp = text.indexOf('&', Math.max(at, amp + 1))
  }
  return out + text.slice(at)
}

/** Leaves `REFERENCE.lastIndex` behind what it read. */
function referenceAt(text: string, at: number): string | undefined {
  // By far the most frequent one.
  if (text.startsWith('nbsp;', at)) {
    REFERENCE.lastIndex = at + 5
    return '\u00a0'
  }
  REFERENCE.lastIndex = at
  const found = REFERENCE.exec(text)
  if (found === null) return undefined
  const [, decimal, hex, name] = found
  if (name !== undefined) return NAMES.get(name)
  return characterOf(decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal))
}

/** As browsers do: 128–159 mean windows-1252, impossible code points are U+FFFD. */
function characterOf(code: number): string {
  if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return '\ufffd'
  if (code >= 0x80 && code <= 0x9f) return decodeWestern(Buffer.of(code))
  return String.fromCodePoint(code)
}
