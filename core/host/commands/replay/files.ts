/**
 * Mail from files: single ones, mboxes, and folders of them (a Maildir is one). An mbox is read piece by piece, one message in memory at a time.
 */
import { createReadStream } from 'node:fs'
import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Address, CommandError, type Message, readMailFile } from '../../../api/index.js'
import { messageOf } from '../../../storage/message.js'
import { parseDate } from '../../../text/index.js'
import { envelopeOfFile, sessionOfFile, type Wishes } from './heard.js'
import type { Replayed } from './mail.js'
import { given } from './recorded.js'

const MAX_BYTES = 64 * 1024 * 1024
const MAX_DEPTH = 16
const FROM = Buffer.from('\nFrom ')

export async function* mailInFiles(
  paths: readonly string[],
  wishes: Wishes,
  otherwise: Address,
): AsyncGenerator<Replayed> {
  for (const path of paths)
    for await (const { id, bytes } of mailsAt(path, 0)) {
      const message = messageOf(bytes)
      const envelope = envelopeOfFile(id, message, wishes, otherwise)
      const session = sessionOfFile(id, message, wishes)
      const sender = message.field('From') ?? ''
      yield {
        id,
        sender,
        ...given(message),
        ...timeOf(message),
        heard: { session, envelope, message },
        recipients: envelope.recipients,
      }
    }
}

/** When whoever put the topmost Received field there has taken it in. */
function timeOf(message: Message): Pick<Replayed, 'at'> {
  const received = message.field('Received') ?? ''
  const at = parseDate(received.slice(received.lastIndexOf(';') + 1).trim())
  return at === undefined ? {} : { at }
}

interface MailInFile {
  readonly id: string
  readonly bytes: Buffer
}

async function* mailsAt(path: string, depth: number): AsyncGenerator<MailInFile> {
  const kind = await kindOf(path)
  if (kind === 'mbox') yield* mailsInMbox(path)
  else if (kind === 'mail') yield { id: path, bytes: await readMailFile(path) }
  else if (depth < MAX_DEPTH) {
    const names: string[] = []
    for await (const { name } of await opendir(path)) if (!name.startsWith('.')) names.push(name)
    for (const name of names.sort()) yield* mailsAt(join(path, name), depth + 1)
  }
}

async function kindOf(path: string): Promise<'folder' | 'mbox' | 'mail'> {
  try {
    if ((await stat(path)).isDirectory()) return 'folder'
    for await (const chunk of createReadStream(path, { end: 4 })) return String(chunk) === 'From ' ? 'mbox' : 'mail'
    return 'mail'
  } catch (error) {
    throw new CommandError(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, 2)
  }
}

async function* mailsInMbox(path: string): AsyncGenerator<MailInFile> {
  let rest = Buffer.alloc(0)
  let number = 0
  const made = (octets: Buffer): MailInFile => {
    number += 1
    return { id: `${path}#${number}`, bytes: asSent(octets) }
  }
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    let from = Math.max(0, rest.length - FROM.length)
    rest = Buffer.concat([rest, chunk])
    if (rest.length > MAX_BYTES)
      throw new CommandError(`${path}: message ${number + 1} is larger than ${MAX_BYTES} octets`, 2)
    for (let at = rest.indexOf(FROM, from); at >= 0; at = rest.indexOf(FROM, 0)) {
      yield made(rest.subarray(0, at + 1))
      rest = rest.subarray(at + 1)
      from = 0
    }
  }
  if (rest.length > 0) yield made(rest)
}

/** As it came over the wire: without the line of the mbox in front, and `From ` at the start of lines as it was. */
function asSent(octets: Buffer): Buffer {
  const text = octets.subarray(octets.indexOf(10) + 1).toString('latin1')
  const plain = text.replace(/^>(>*From )/gm, '$1')
  return Buffer.from(plain.includes('\r\n') ? plain : plain.replaceAll('\n', '\r\n'), 'latin1')
}
