/** What `queue retry` cannot do: a destination that a rule or an admin has suspended gets nothing until that ends, whatever is due. */
import { formatDuration, printable } from '../../../text/index.js'
import type { CliParts, OwnRun } from '../../command-base.js'
import { withPlugins } from '../../open.js'
import type { LaneBook, Suspension } from '../delivery/book.js'

const MOST_TOLD = 10

/** Says so for those of `lanes` (`target/lane`) that wait on. Where nobody answers is tried nevertheless, and so not told. */
export async function warnOfSuspended(run: OwnRun, parts: CliParts, lanes: ReadonlySet<string>): Promise<void> {
  const { book } = parts
  if (book === undefined || lanes.size === 0) return
  const found = await withPlugins(run.configDir, parts, 'serve', async ({ services, targets }) => {
    const state = services.find('state')
    const now = Date.now()
    const all = state === undefined ? [] : (await book.suspended(state, now)).filter(one => isLasting(one, now))
    if (all.length === 0) return []
    const keys = new Set([...lanes].flatMap(lane => keysOf(book, lane, targets)))
    return all.filter(({ key }) => keys.has(key))
  })
  for (const { key, until } of found.slice(0, MOST_TOLD)) {
    const span = formatDuration(until - Date.now())
    run.warn(`${printable(key)} is suspended for ${span} more: its mail waits; posthouse delivery resume lets it go`)
  }
  if (found.length > MOST_TOLD) run.warn(`and ${found.length - MOST_TOLD} more that are suspended`)
}

function isLasting({ by, until }: Suspension, now: number): boolean {
  return by !== 'dead' && until > now
}

function keysOf(
  book: LaneBook,
  key: string,
  targets: ReadonlyMap<string, { site?(lane: string): string | undefined }>,
): readonly string[] {
  const slash = key.indexOf('/')
  const [target, lane] = [key.slice(0, slash), key.slice(slash + 1)]
  return [key, book.keyOf({ target, lane }, targets.get(target)?.site?.(lane))]
}
