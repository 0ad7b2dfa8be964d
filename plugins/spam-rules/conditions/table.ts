/** All kinds of conditions. A new one is a file in this folder and a line here. */
import { brand } from './brand.js'
import { COMPOSITES } from './composite.js'
import { count } from './count.js'
import { date } from './date.js'
import { field } from './field.js'
import { finding } from './finding.js'
import type { Kind } from './kind.js'
import { label } from './label.js'
import { letters } from './letters.js'
import { origin } from './origin.js'
import { file, part } from './part.js'
import { size } from './size.js'
import { structure } from './structure.js'
import { text } from './text.js'
import { words } from './words.js'

export const KINDS = [
  words,
  field,
  text,
  origin,
  brand,
  letters,
  structure,
  file,
  part,
  size,
  count,
  date,
  finding,
  label,
  ...COMPOSITES,
] as readonly Kind[]
