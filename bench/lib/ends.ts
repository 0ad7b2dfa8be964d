/** How a bench that starts servers ends: what it has started is ended in reverse order, whether it came to its end, failed or was interrupted. */
import { onInterruption } from './interrupted.js'
import { Wrong } from './options.js'

export const say = (text: string): void => void process.stderr.write(text)

/** What is to be ended, in the order it was started. */
export const ends: (() => Promise<unknown>)[] = []

/** What `main` throws is told, and the exit code is 1; 2 where the command line is wrong. */
export function runToTheEnd(main: () => Promise<void>): void {
  onInterruption(cleanUp)
  main()
    .catch(error => {
      say(`\n${error instanceof Error ? error.message : String(error)}\n`)
      process.exitCode = error instanceof Wrong ? 2 : 1
    })
    .finally(cleanUp)
}

async function cleanUp(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end().catch(error => say(`${String(error)}\n`))
}
