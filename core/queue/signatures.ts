/** Fields that plugins put in front of mail that goes out (DKIM, ARC). */
import { type Job, MailError, type NewField } from '../api/index.js'
import type { AskScope } from '../pipeline/intake-types.js'
import type { Pipeline } from '../pipeline/pipeline.js'

/** Jobs have no session: `unless` and `on` of an entry see no label. */
const NO_LABELS: ReadonlySet<string> = new Set()

/** Mail that a hook should have signed does not go out unsigned: its failure defers the job. */
export async function signatures(
  pipeline: Pick<Pipeline, 'gather'>,
  job: Job,
  scope: AskScope,
): Promise<readonly NewField[]> {
  const failures: string[] = []
  const asked = { job, read: () => job.read(), chunks: () => job.chunks() }
  const fields = await pipeline.gather('sign', asked, NO_LABELS, scope, (plugin, why) => {
    failures.push(`${plugin} ${why}`)
    return undefined
  })
  if (failures.length > 0) throw new MailError('internal', `signing failed: ${failures.join(', ')}`)
  return fields
}
