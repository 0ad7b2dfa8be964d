/** What the intake works with; joined in `core/app.ts`. */
import type { Claimed, Clock, LendWish, NewMessage, NewRow, ServerFacts, Store, Target } from '../api/index.js'
import type { Pipeline } from './pipeline.js'

/** A place among the deliveries for mail that is being accepted. */
export interface Place {
  readonly lend: LendWish
  /** Called once, with nothing when the mail was not accepted so. `body`: where it is still at hand. */
  begin(jobs: readonly Claimed[], body?: Buffer): void
}

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
  /** Mail that may go out at once is accepted under a lease and needs no claim; left out: it all waits to be claimed. */
  readonly place?: (rows: readonly NewRow[]) => Place | undefined | Promise<Place | undefined>
  /** When a recipient that could not be filed at once is tried again. */
  readonly firstRetryMs: number
}
