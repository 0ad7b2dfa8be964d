/** Where the project and its compiled parts are, seen from `dist/bench/lib/`. */
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
export const LIB = fileURLToPath(new URL('./', import.meta.url))
