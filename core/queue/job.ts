/**
 * Makes a `Job` of what was claimed: facts of the message, its rows as recipients, and the octets as they will be sent
 * (prefix + body − cuts), read from the store as they are needed.
 */
import type { Blobs, Claimed, Job, JobRecipient, QueuedMessage, QueueRow, SevenBit, Submitter } from '../api/index.js'
import { type SignText, sevenBitOf } from '../pipeline/seven-bit.js'
import { wishesOf } from '../pipeline/wishes.js'
import { readSum, type Sum, sumChunks, sumSize } from '../text/index.js'
import { senderClass } from './lane-rules.js'

/** `signed`: fields that go in front of everything else; `sign` gives those of a variant. */
export function jobOf(claimed: Claimed, blobs: Pick<Blobs, 'read'>, signed = '', sign: SignText = async () => ''): Job {
  const job = signedJob(claimed, blobs, signed)
  let variant: Promise<SevenBit> | undefined
  const sevenBit = () => {
    variant ??= sevenBitOf(jobOf(claimed, blobs), full, sign)
    return variant
  }
  const full: Job = { ...job, sevenBit }
  return full
}

function signedJob(claimed: Claimed, blobs: Pick<Blobs, 'read'>, signed: string): Omit<Job, 'sevenBit'> {
  const { message, rows } = claimed
  const first = rows[0]!
  const text = signed + first.prefix
  const { bodySize, cuts } = message
  const size = sumSize({ prefixBytes: Buffer.byteLength(text), bodySize, cuts })
  let known: Sum | undefined
  // Most jobs are looked at, and one is read.
  const sum = () => (known ??= { prefix: Buffer.from(text), bodySize, cuts })
  const readBody = (from: number, to: number) => blobs.read(message.bodyId, from, to)
  return {
    id: message.id,
    target: first.target,
    lane: first.lane,
    sender: first.sender === undefined ? message.sender : first.sender,
    ...submitterOf(message),
    ...(message.origin.login === undefined ? {} : { login: message.origin.login }),
    senderClass: senderClass(message, first.sender),
    recipients: rows.map(recipientOf),
    received: message.received,
    utf8: message.utf8,
    body: message.bodyType,
    // RFC 3461 §5.2.7.1: what went through a list goes on under the list's name alone.
    ...(message.ret === undefined || isList(first) ? {} : { ret: message.ret }),
    ...(message.envid === undefined || isList(first) ? {} : { envid: message.envid }),
    ...wishesOf(message),
    prefix: text,
    size,
    chunks: () => sumChunks(sum(), readBody),
    read: (from = 0, to = size) => readSum(sum(), readBody, from, to),
  }
}

function isList({ sender, dsn }: QueueRow): boolean {
  return sender !== undefined && dsn.onBehalf !== true
}

/** Only what we write ourselves has a reason; see `plan` of the intake. */
function submitterOf({ origin }: Pick<QueuedMessage, 'origin'>): { readonly submitter?: Submitter } {
  if (origin.reason !== undefined) return { submitter: 'local' }
  if (origin.login !== undefined) return { submitter: 'authenticated' }
  return origin.trusted === undefined ? {} : { submitter: 'trusted' }
}

function recipientOf(row: QueueRow): JobRecipient {
  const { to, original, dsn, tries, detail, quarantine } = row
  return { row: row.row, to, original, dsn, tries, detail, ...(quarantine === undefined ? {} : { quarantine }) }
}

/** How a lane is called in `ClaimOptions.except` and here. */
export function laneKey({ target, lane }: Pick<QueueRow, 'target' | 'lane'>): string {
  return `${target}/${lane}`
}
