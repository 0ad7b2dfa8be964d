/**
 * A lock between processes: a link that leads nowhere and says whose it is, since a link is made with what it says or not at all. Its holder touches it
 * while it works, so a lock that nobody touches, or whose process is dead, is nobody's and is taken away: `kill -9` in the middle of a change keeps
 * nobody out.
 */
import { randomBytes } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { lstat, lutimes, readlink, rm, symlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { FileError } from './file-error.js'

const WAIT_MS = 20_000
const TOUCH_MS = 2_000
/** Five touches, on a machine that is busy. */
const STALE_MS = 10_000

/** Resolves to what gives it back; throws `FileError` when another holds it for long. */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  const mine = newHolder()
  const giveUp = Date.now() + WAIT_MS
  while (!(await create(path, mine))) {
    await breakStale(path)
    if (Date.now() > giveUp) throw new FileError(`another command holds ${path}`)
    await sleep(10 + Math.random() * 20)
  }
  const touching = setInterval(() => {
    const now = new Date()
    // A lock that is gone shows when it is given back; there is nothing to do about it here.
    lutimes(path, now, now).catch(() => undefined)
  }, TOUCH_MS)
  touching.unref()
  return async () => {
    clearInterval(touching)
    await takeAway(path, mine, async () => true)
  }
}

function newHolder(): string {
  return [process.pid, processes(), randomBytes(8).toString('hex')].join(' ')
}

async function create(path: string, holder: string): Promise<boolean> {
  try {
    await symlink(holder, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function breakStale(path: string): Promise<void> {
  const holder = await holderOf(path)
  if (await isStale(path, holder)) await takeAway(path, holder, () => isStale(path, holder))
}

/**
 * Whoever takes a lock away, its holder too, says so first in a lock beside it that is called after this one holder: so one at a time does, and none ever
 * takes away a lock that another has got meanwhile. Nothing is done where somebody else is at it.
 */
async function takeAway(path: string, holder: string, may: () => Promise<boolean>, base = path): Promise<void> {
  const claim = `${base}.${/[0-9a-f]{16}$/.exec(holder)?.[0] ?? 'unknown'}`
  if (!(await create(claim, newHolder()))) {
    const other = await holderOf(claim)
    if (await isStale(claim, other)) await takeAway(claim, other, () => isStale(claim, other), base)
    return
  }
  if ((await holderOf(path)) === holder && (await may())) await rm(path, { force: true })
  await rm(claim, { force: true })
}

/** A missing file is not. `holder` was read before. */
async function isStale(path: string, holder: string): Promise<boolean> {
  const age = await lstat(path).then(
    facts => Date.now() - facts.mtimeMs,
    () => 0,
  )
  return age >= STALE_MS || isDead(holder)
}

/** Nothing where it is missing, or is not one of ours. */
function holderOf(path: string): Promise<string> {
  return readlink(path).catch(() => '')
}

/** Only where its number means a process to us: another container has others. */
function isDead(holder: string): boolean {
  const [pid = '', where] = holder.split(' ')
  if (!/^[1-9][0-9]{0,9}$/.test(pid) || where !== processes()) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** Among whom process numbers are told apart (Linux: its namespace). */
function processes(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return 'all'
  }
}
