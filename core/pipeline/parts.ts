/** What the intake works with; joined in `core/app.ts`. */
import type { Clock, NewMessage, NewRow, ServerFacts, Store, Target } from '../api/index.js'
import type { Pipeline } from './pipeline.js'

export interface IntakeParts {
  readonly pipeline: Pipeline
  readonly targets: ReadonlyMap<string, Target>
  readonly store: Store
  readonly server: ServerFacts
  readonly clock: Clock
  /** How long a recipient may wait in the queue. */
  readonly lifeMs: (
    message: Pick<NewMessage, 'sender' | 'priority' | 'origin'>,
    row: Pick<NewRow, 'target' | 'lane' | 'sender'>,
  ) => number
  /** When a recipient that could not be filed at once is tried again. */
  readonly firstRetryMs: number
}
