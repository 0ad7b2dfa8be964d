/** How much memory is really held: measured after the garbage is gone, which takes the collector a few turns for buffers. */
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Octets of the heap and of buffers outside of it: the least of some looks. */
export async function heldMemory(): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let look = 0; look < 6; look++) {
    collect()
    await sleep(10)
    const { heapUsed, external } = process.memoryUsage()
    least = Math.min(least, heapUsed + external)
  }
  return least
}
