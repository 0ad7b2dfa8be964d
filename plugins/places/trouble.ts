/**
 * What can go wrong at a place, as outcomes. All trouble with files and programs of our own is temporary: the mail stays in the queue until somebody has
 * seen to it or its time is over. What people hear holds no paths; the log line does.
 */
import type { Outcome } from 'posthouse/api'

type Deferred = Extract<Outcome, { kind: 'deferred' }>

/** A reason why nothing was delivered now. `text` is for the sender, `detail` for the log. */
export class Trouble extends Error {
  readonly status: string
  readonly text: string

  constructor(status: string, text: string, detail = text, cause?: unknown) {
    super(detail, cause === undefined ? undefined : { cause })
    this.name = 'Trouble'
    this.status = status
    this.text = text
  }
}

// RFC 3463 §3.3, §3.4: X.2.2 the mailbox has no room, X.3.1 the system has none, X.3.5 the system is not set up right.
const BY_CODE: Readonly<Record<string, readonly [status: string, text: string]>> = {
  ENOSPC: ['4.3.1', 'there is no room on the disk'],
  EDQUOT: ['4.2.2', 'the disk quota of the mailbox is used up'],
  EFBIG: ['4.2.2', 'the mailbox file is as large as it may be'],
  EACCES: ['4.3.5', 'we may not write into the mailbox'],
  EPERM: ['4.3.5', 'we may not write into the mailbox'],
  EROFS: ['4.3.0', 'the disk is read-only'],
  ENOENT: ['4.3.5', 'the mailbox is missing'],
  ENOTDIR: ['4.3.5', 'the mailbox is not where it should be'],
  EISDIR: ['4.3.5', 'the mailbox is not what it should be'],
  ELOOP: ['4.3.5', 'the mailbox is a symbolic link'],
  ENXIO: ['4.3.5', 'the mailbox is not what it should be'],
  EIO: ['4.3.0', 'the disk has failed'],
  ESTALE: ['4.3.0', 'the disk has failed'],
  EMFILE: ['4.3.1', 'there are too many open files'],
  ENFILE: ['4.3.1', 'there are too many open files'],
}

export function troubleOf(error: unknown): Trouble {
  if (error instanceof Trouble) return error
  const { code = '', message = 'unknown' } = error as NodeJS.ErrnoException
  const [status, text] = BY_CODE[code] ?? ['4.3.0', 'the mailbox cannot be written to']
  return new Trouble(status, text, message, error)
}

export function deferred(row: number, { status, text }: Trouble): Deferred {
  return { kind: 'deferred', row, status, text }
}
