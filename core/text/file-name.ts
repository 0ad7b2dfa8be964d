/** Names of files that are made to be misread: a second ending that hides behind a harmless one, spaces that push it out of sight, letters that run backwards. */
import type { PartOddity } from './part-facts.js'

/** What a click runs or opens in a browser. */
const RUNS =
  /\.(?:exe|scr|com|bat|cmd|pif|cpl|msi|msp|hta|jse?|vbs?|vbe|wsf|wsh|ps1|lnk|jar|reg|dll|app|apk|dmg|pkg|iso|img|vhdx?|url|chm|shtml?|html?|svg|xht|mht|zip|rar|7z|ace|gz|cab|z|r\d\d|arj|lzh)\s*$/i
const HARMLESS =
  /\.(?:pdf|docx?|xlsx?|pptx?|rtf|txt|csv|jpe?g|png|gif|bmp|tiff?|mp[34]|wav|avi|mov|htm|html|odt|ods|msg|eml)$/i
const PACKED = /\.(?:zip|rar|7z|gz|ace|cab|z|r\d\d|arj|lzh)\s*$/i
const SPACES = /\s{4,}\.?[A-Za-z0-9]{1,5}\s*$|\.[a-z]{2,4}\s{2,}\.[a-z0-9]{1,5}\s*$/i
const TURNING = /[\u200f\u202a-\u202e\u2066-\u2069]/

export function nameOddities(name: string): readonly PartOddity[] {
  if (name === '') return []
  const odd: PartOddity[] = []
  const last = RUNS.exec(name)
  // `report.pdf.zip` is what honest programs make of `report.pdf`.
  if (last !== null && !PACKED.test(name) && HARMLESS.test(name.slice(0, last.index).trimEnd()))
    odd.push('double-extension')
  if (SPACES.test(name)) odd.push('spaced-extension')
  if (TURNING.test(name)) odd.push('turned-name')
  return odd
}
