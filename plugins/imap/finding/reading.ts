/** What SEARCH looks at in a message, be it to match it or to index it: the same octets, read the same way. */
import type { Content } from '../content.js'
import { readTexts, type Texts } from './texts.js'

/** Of a longer message only its beginning. */
export async function readMessage(content: Content, maxBytes: number): Promise<Texts> {
  if (content.size <= maxBytes) return content.withWhole(bytes => readTexts(bytes))
  return readTexts(await content.read(0, maxBytes))
}
