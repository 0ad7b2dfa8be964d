/** Processor time that a piece of work takes in this process, in milliseconds: a busy machine makes the clock run on, but not this. */
export function cpuMs(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
