/**
 * Memory or processor time. When a process has had nothing to do for half a minute, V8 gives memory back, and forgets the shapes of all objects that are
 * there only while mail is under way; code that relied on them is given up. The next ten thousand mails cost two to three times the CPU. So where there
 * is room, a worker stays as it is (docs/decisions/0089-what-a-rest-costs.md).
 */
import { availableParallelism, totalmem } from 'node:os'

/** Octets for each processor: a gigabyte less what the kernel has for itself. What a worker would give back are some 50 MB. */
const ROOM = 0.9 * 1024 ** 3
/** An unknown flag ends a process before it begins; V8 has this one in all versions of Node that were seen. */
const LAST_SEEN = 25

export interface Machine {
  /** Octets, of the machine or of what this process may have of it. */
  readonly memory: number
  readonly processors: number
  /** Of Node.js: `process.versions.node`. */
  readonly version: string
}

/** For the command line of a worker. */
export function warmthFlags({ memory, processors, version }: Machine): readonly string[] {
  return memory >= ROOM * processors && Number.parseInt(version, 10) <= LAST_SEEN ? ['--no-memory-reducer'] : []
}

export function thisMachine(): Machine {
  const limit = process.constrainedMemory()
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem()
  return { memory, processors: availableParallelism(), version: process.versions.node }
}
