/** How a bench that starts servers ends: what it has started is ended in reverse order, whether it came to its end, failed or was interrupted. */
import { onInterruption } from './interrupted.js'
import { Wrong } from './options.js'

export const say = (text: string): void => void process.stderr.write(text)

/** What is to be ended, in the order it was started. What starts after an interruption is ended at once, and who started it is told. */
export const ends = {
  push(end: () => Promise<unknown>): void {
    all.push(end)
    if (isInterrupted) throw new Error('interrupted')
  },
}

const all: (() => Promise<unknown>)[] = []
let isInterrupted = false

/** What `main` throws is told, and the exit code is 1; 2 where the command line is wrong. */
export function runToTheEnd(main: () => Promise<void>): void {
  onInterruption(async () => {
    isInterrupted = true
    await cleanUp()
  })
  main()
    .catch(error => {
      say(`\n${error instanceof Error ? error.message : String(error)}\n`)
      process.exitCode = error instanceof Wrong ? 2 : 1
    })
    .finally(cleanUp)
}

let cleaning: Promise<void> = Promise.resolve()

/** Called by an interruption and again when `main` has failed for it: nobody goes before all is ended. */
function cleanUp(): Promise<void> {
  cleaning = cleaning.then(async () => {
    for (let end = all.pop(); end !== undefined; end = all.pop()) await end().catch(error => say(`${String(error)}\n`))
  })
  return cleaning
}
