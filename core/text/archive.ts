/** What an attached archive or office document holds, by its directory. Nothing is unpacked; bounded. */
import type { ArchiveFacts, ContentKind } from './part-facts.js'
import type { Encoded } from './part-octets.js'

export interface Inside {
  readonly archive?: ArchiveFacts
  readonly macros?: boolean
}

export function lookIntoArchive(_encoded: Encoded, _kind: ContentKind, _begins: Buffer): Inside | undefined {
  return undefined
}
