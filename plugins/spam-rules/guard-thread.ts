/** The thread of guard.ts: runs one pattern after the other and says at once what each has found. May be ended at any moment. */
import { parentPort } from 'node:worker_threads'
import { cut, type Task, type Told } from './guard.js'

parentPort?.on('message', (tasks: readonly Task[]) => {
  tell({ ready: true })
  for (const [at, { pattern, input }] of tasks.entries()) {
    const found = pattern.exec(input)
    tell({ at, found: found === null ? null : cut(found[0]) })
  }
})

function tell(told: Told): void {
  parentPort?.postMessage(told)
}
