/**
 * Reads a job's body and remembers when it is gone. Whatever a target makes of the error, trying again is of no use then: the rows are held,
 * for an admin may restore the store's file.
 */
import { type Blobs, MailError, type Outcome, type QueueRow } from '../api/index.js'

export class BodyReader implements Pick<Blobs, 'read'> {
  readonly #blobs: Pick<Blobs, 'read'>
  readonly known: Buffer | undefined
  /** Why it cannot be read, once that is known. */
  gone: MailError | undefined

  /** `known`: all of it, where it is at hand. */
  constructor(blobs: Pick<Blobs, 'read'>, known?: Buffer) {
    this.#blobs = blobs
    this.known = known
  }

  async read(id: string, from?: number, to?: number): Promise<Buffer> {
    if (this.known !== undefined) return this.known.subarray(from, to)
    try {
      return await this.#blobs.read(id, from, to)
    } catch (error) {
      if (isGone(error)) this.gone ??= error
      throw error
    }
  }
}

export function isGone(error: unknown): error is MailError {
  return error instanceof MailError && error.errorCode === 'message-gone'
}

/** The row is held until somebody has looked. */
export function unreadable(row: number, error: MailError): Outcome {
  const text = `its body cannot be read: ${error.message}`
  return { kind: 'deferred', row, status: '4.3.0', text, hold: text }
}

/** Of those whose body turned out to be gone, only what was delivered all the same stands. */
export function withoutBody(rows: readonly QueueRow[], outcomes: readonly Outcome[], gone: MailError): Outcome[] {
  const delivered = new Map(outcomes.filter(({ kind }) => kind === 'delivered').map(one => [one.row, one]))
  return rows.map(({ row }) => delivered.get(row) ?? unreadable(row, gone))
}
