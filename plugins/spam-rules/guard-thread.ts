/** The thread of guard.ts: runs one pattern after the other and says at once what each has found. May be ended at any moment. */
import { parentPort } from 'node:worker_threads'
import { cut, type Job, type Told } from './guard.js'
import { compile } from './pattern.js'

const compiled = new Map<string, RegExp>()

parentPort?.on('message', (jobs: readonly Job[]) => {
  tell({ ready: true })
  for (const [at, { pattern, input }] of jobs.entries()) {
    const found = patternOf(pattern).exec(input)
    tell({ at, found: found === null ? null : cut(found[0]) })
  }
})

function patternOf(source: string): RegExp {
  const there = compiled.get(source) ?? compile(source)
  compiled.set(source, there)
  return there
}

function tell(told: Told): void {
  parentPort?.postMessage(told)
}
