/** An interrupted bench leaves no server behind: what it has started is ended, once, however often it is told. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** A terminal tells the whole group, and who started us passes it on: the second signal must not cut the first one's work off. */
export function onInterruption(cleanUp: () => Promise<void>): void {
  let told = false
  for (const signal of SIGNALS)
    process.on(signal, () => {
      if (told) return
      told = true
      void cleanUp().finally(() => process.exit(130))
    })
}
