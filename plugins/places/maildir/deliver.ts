/**
 * Mail into a Maildir: written and flushed in `tmp`, then linked into `new` under its own name, so that readers see all of it or nothing. The name is made of
 * the queue id: a delivery that is made again, because we died before it was settled, finds the name there and is done.
 */
import { constants } from 'node:fs'
import { link, lstat, mkdir, open, opendir, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import type { Job, JobRecipient, Outcome } from 'posthouse/api'
import { copyOf } from '../copy.js'
import type { Errand } from '../errand.js'
import { mustBelong } from '../owner.js'
import type { MaildirPlace } from '../place.js'
import { fillPath } from '../placeholders.js'
import { Trouble } from '../trouble.js'
import { syncFolder } from '../write.js'

const PARTS = ['tmp', 'new', 'cur'] as const
const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
/** A tag that may name a folder: Maildir++ has them as `.name`, with a dot for each level. */
const TAG = /^[a-z0-9_][a-z0-9_+-]{0,59}$/i
/** Until then no lease has run out (`lease` is 10 s at least), so nobody has delivered it before us. */
const FIRST_TRY_MS = 9_000
const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants

export async function deliverToMaildir(place: MaildirPlace, errand: Errand, now: number): Promise<Outcome> {
  const { job, recipient, values, signal } = errand
  const path = fillPath(place.path, values)
  if (path === undefined) throw new Trouble('4.3.5', 'the name of the mailbox cannot be a file name')
  await mustBeMaildir(path, values.user, place)
  const folder = await folderOf(path, recipient)
  // Made by somebody else, it could lead anywhere.
  if (folder !== path) await mustHaveParts(folder, values.user, place)
  const name = nameOf(job, recipient)
  const again = recipient.tries > 0 || now - job.received > FIRST_TRY_MS
  if (!(again && (await isThere(folder, name))))
    await put(folder, name, copyOf(job, recipient, { quoteFrom: false }), signal)
  return { kind: 'delivered', row: recipient.row, remote: `maildir ${folder} (${place.name})`, reply: '', final: true }
}

/** Unique for this recipient of this message, and the same whenever it is tried. Pure but for the host's name. */
export function nameOf({ id, received }: Pick<Job, 'id' | 'received'>, { row }: Pick<JobRecipient, 'row'>): string {
  // Neither "/" nor ":" may stand in it; what is behind a ":" are flags.
  const host = hostname()
    .replace(/[^A-Za-z0-9.-]/g, '_')
    .slice(0, 100)
  return `${Math.floor(received / 1000)}.Q${id.replace(/[^A-Za-z0-9]/g, '_')}R${row}.${host}`
}

async function mustBeMaildir(path: string, user: string, place: MaildirPlace): Promise<void> {
  if (place.create) await make(path)
  const root = await stat(path)
  if (!root.isDirectory()) throw new Trouble('4.3.5', 'the mailbox is not a folder')
  await mustHaveParts(path, user, place)
}

async function mustHaveParts(path: string, user: string, { anyOwner }: Pick<MaildirPlace, 'anyOwner'>): Promise<void> {
  for (const part of PARTS) {
    const there = await lstat(join(path, part))
    if (!there.isDirectory()) throw new Trouble('4.3.5', `the mailbox has no folder ${part}`)
    if (!anyOwner) await mustBelong(there, user)
  }
}

/** Its parent is not made: a home that is not mounted would fill the disk below. */
async function make(path: string): Promise<void> {
  let made = 0
  for (const one of [path, ...PARTS.map(part => join(path, part))]) {
    try {
      await mkdir(one, FOLDER_MODE)
      made += 1
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
  if (made === 0) return
  await syncFolder(path)
  await syncFolder(dirname(path))
}

/** `.Junk` for what is quarantined, made when it is missing; `.tag` where the user has one. */
async function folderOf(path: string, { quarantine, detail: { tag } }: JobRecipient): Promise<string> {
  if (quarantine !== undefined) {
    const junk = join(path, '.Junk')
    await make(junk)
    return junk
  }
  if (tag === undefined || !TAG.test(tag)) return path
  const folder = join(path, `.${tag}`)
  const there = await lstat(join(folder, 'new')).catch(missing)
  return there?.isDirectory() === true ? folder : path
}

async function isThere(folder: string, name: string): Promise<boolean> {
  for (const part of ['new', 'cur']) {
    // A Maildir may hold very many: one entry after the other.
    for await (const entry of await opendir(join(folder, part))) {
      if (entry.name === name || entry.name.startsWith(`${name}:`) || entry.name.startsWith(`${name},`)) return true
    }
  }
  return false
}

async function put(folder: string, name: string, copy: AsyncIterable<Buffer>, signal: AbortSignal): Promise<void> {
  const written = join(folder, 'tmp', `${name}.${process.pid}`)
  await rm(written, { force: true })
  const handle = await open(written, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE)
  try {
    let size = 0
    try {
      for await (const piece of copy) {
        signal.throwIfAborted()
        size += piece.length
        await handle.writeFile(piece)
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    // Dovecot and Courier read the size from the name. A link, and no renaming: it never takes the place of another.
    await linkOnce(written, join(folder, 'new', `${name},S=${size}`))
    await syncFolder(join(folder, 'new'))
  } finally {
    await rm(written, { force: true })
  }
}

async function linkOnce(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    // The same mail, from the time before.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

function missing(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
  return undefined
}
