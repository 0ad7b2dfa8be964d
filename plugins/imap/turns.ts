/** Long work gives way by time: other sessions get their turn when it has had the process for long enough, and not for every little step. */
import { performance } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'

const HELD_MS = 10

export class Turns {
  private since = performance.now()

  /** Whether it is time to `give` way. Asked for every step: a promise would cost more than the step. */
  get due(): boolean {
    return performance.now() - this.since > HELD_MS
  }

  async give(): Promise<void> {
    await turn()
    this.since = performance.now()
  }
}
