/** All kinds of conditions. A new one is a file in this folder and a line here. */
import { COMPOSITES } from './composite.js'
import { field } from './field.js'
import type { Kind } from './kind.js'
import { letters } from './letters.js'
import { origin } from './origin.js'
import { text } from './text.js'
import { words } from './words.js'

export const KINDS = [words, field, text, origin, letters, ...COMPOSITES] as readonly Kind[]
