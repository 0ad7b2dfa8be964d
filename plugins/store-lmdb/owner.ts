/**
 * Names a process so that another one can tell whether it still lives: process id, start time, and the machine's boot. A process id alone
 * is given out again, and after a reboot with the same start time too.
 */
import { readFileSync } from 'node:fs'

const BOOT = boot()

/** `4711.123456.1a2b3c4d`; where there is no /proc, the start time is left out. */
export const SELF = `${process.pid}.${startOf(process.pid) ?? ''}.${BOOT}`

/** When in doubt it lives: a place kept too long does less harm than one given to two. */
export function isAlive(owner: string): boolean {
  if (owner === SELF) return true
  const [pid = '', start = '', booted = ''] = owner.split('.', 3)
  if (booted !== BOOT || !/^[1-9][0-9]*$/.test(pid)) return false
  if (start !== '') return startOf(Number(pid)) === start
  try {
    process.kill(Number(pid), 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Clock ticks since the boot; `undefined` when there is no such process, or only what its parent has not yet taken note of. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in brackets and may hold anything; the third is the state, the 22nd the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

function boot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8)
  } catch {
    return ''
  }
}
