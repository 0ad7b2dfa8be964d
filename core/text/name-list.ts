/** Lists of names in text files: apart by white space, with comments from `#` to the end of the line. */
import { domainKey } from './domain.js'

/** In lower case; domains in A-labels. */
export function* namesInList(text: string): Generator<string> {
  for (const line of text.split('\n')) {
    const [names = ''] = line.split('#', 1)
    for (const name of names.split(/\s+/)) if (name !== '') yield domainKey(name)
  }
}
