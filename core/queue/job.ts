/**
 * Makes a `Job` of what was claimed: facts of the message, its rows as recipients, and the octets as they will be sent
 * (prefix + body − cuts), read from the store as they are needed.
 */
import type { Blobs, Claimed, Job, JobRecipient, QueuedMessage, QueueRow, SevenBit, Submitter } from '../api/index.js'
import { type SignText, sevenBitOf } from '../pipeline/seven-bit.js'
import { addWishes } from '../pipeline/wishes.js'
import { readSum, type Sum, sumAtHand, sumChunks, sumSize } from '../text/index.js'
import { senderClass } from './lane-rules.js'

type Made = { -readonly [K in keyof Job]: Job[K] }
/** `known`: all of the body, where it is at hand. */
type Source = Pick<Blobs, 'read'> & { readonly known?: Buffer | undefined }

/**
 * `signed`: fields that go in front of everything else; `sign` gives those of a variant. Made field by field, as putting objects together takes ten
 * times as long.
 */
export function jobOf(claimed: Claimed, blobs: Source, signed = '', sign: SignText = async () => ''): Job {
  const { message, rows } = claimed
  const first = rows[0]!
  const { bodySize, cuts } = message
  const text = signed + first.prefix
  const size = sumSize({ prefixBytes: Buffer.byteLength(text), bodySize, cuts })
  const { known } = blobs
  let whole: Sum | undefined
  // Most jobs are looked at, and one is read.
  const sum = () => (whole ??= { prefix: Buffer.from(text), bodySize, cuts })
  const readBody = (from: number, to: number) => blobs.read(message.bodyId, from, to)
  let variant: Promise<SevenBit> | undefined
  const job: Made = {
    id: message.id,
    target: first.target,
    lane: first.lane,
    sender: first.sender === undefined ? message.sender : first.sender,
    senderClass: senderClass(message, first.sender),
    recipients: rows.map(recipientOf),
    received: message.received,
    utf8: message.utf8,
    body: message.bodyType,
    prefix: text,
    size,
    chunks: () => (known === undefined ? sumChunks(sum(), readBody) : sumAtHand(sum(), known)),
    read: (from = 0, to = size) => readSum(sum(), readBody, from, to),
    sevenBit: () => (variant ??= sevenBitOf(jobOf(claimed, blobs), job, sign)),
  }
  addWhatIsThere(job, message, first)
  return job
}

function addWhatIsThere(job: Made, message: Claimed['message'], first: QueueRow): void {
  const { ret, envid, origin } = message
  const submitter = submitterOf(message)
  if (submitter !== undefined) job.submitter = submitter
  if (origin.login !== undefined) job.login = origin.login
  // RFC 3461 §5.2.7.1: what went through a list goes on under the list's name alone.
  const toList = isList(first)
  if (ret !== undefined && !toList) job.ret = ret
  if (envid !== undefined && !toList) job.envid = envid
  addWishes(job, message)
}

function isList({ sender, dsn }: QueueRow): boolean {
  return sender !== undefined && dsn.onBehalf !== true
}

/** Only what we write ourselves has a reason; see `plan` of the intake. */
function submitterOf({ origin }: Pick<QueuedMessage, 'origin'>): Submitter | undefined {
  if (origin.reason !== undefined) return 'local'
  if (origin.login !== undefined) return 'authenticated'
  return origin.trusted === undefined ? undefined : 'trusted'
}

function recipientOf(row: QueueRow): JobRecipient {
  const { to, original, dsn, tries, detail, quarantine } = row
  const recipient = { row: row.row, to, original, dsn, tries, detail }
  return quarantine === undefined ? recipient : { ...recipient, quarantine }
}

/** How a lane is called in `ClaimOptions.except` and here. */
export function laneKey({ target, lane }: Pick<QueueRow, 'target' | 'lane'>): string {
  return `${target}/${lane}`
}
