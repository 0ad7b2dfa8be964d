/**
 * Mail to learn from, wherever it lies: a file of one mail, an mbox, a Maildir or any folder of such, or a mailbox of an account here
 * (`alice@example.org:Junk`). One at a time, so that a mailbox of any size fits.
 */
import { createReadStream } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Account, type Accounts, CommandError, MailError, type MailStore, readMailFile } from 'posthouse/api'
import { MOST_READ } from './lesson.js'

export interface SourceMail {
  readonly name: string
  readonly bytes: Buffer
}

export interface SourceParts {
  readonly accounts: () => Accounts | undefined
  readonly mail: () => MailStore | undefined
}

export async function accountNamed(name: string, accounts: Accounts | undefined): Promise<Account | undefined> {
  return (await accounts?.byLogin(name)) ?? (await accounts?.byAddress(name.toLowerCase()))
}

const FROM_LINE = Buffer.from('\nFrom ')
const LIST_PAGE = 200

export async function* mailsIn(path: string, parts: SourceParts): AsyncGenerator<SourceMail> {
  const facts = await stat(path).catch(() => undefined)
  if (facts?.isDirectory() === true) yield* inFolder(path, parts)
  else if (facts !== undefined) yield* inFile(path)
  else if (/^[^/]+:./.test(path)) yield* inMailbox(path, parts)
  else throw new CommandError(`there is no file ${path}; a mailbox is named alice@example.org:Junk`, 2)
}

/** A Maildir is a folder of folders; `tmp` holds what is not yet there. */
async function* inFolder(path: string, parts: SourceParts): AsyncGenerator<SourceMail> {
  for (const name of (await readdir(path)).sort()) {
    if (name === 'tmp' || (name.startsWith('.') && !name.startsWith('.INBOX') && name.length < 3)) continue
    const inner = join(path, name)
    const facts = await stat(inner).catch(() => undefined)
    if (facts?.isDirectory() === true) yield* inFolder(inner, parts)
    else if (facts?.isFile() === true && !/^dovecot|^maildir|\.lock$/.test(name)) yield* inFile(inner)
  }
}

async function* inFile(path: string): AsyncGenerator<SourceMail> {
  if (await isMbox(path)) yield* inMbox(path)
  else yield { name: path, bytes: (await readMailFile(path)).subarray(0, MOST_READ) }
}

/** One mail with such a line in front is an mbox of one. */
async function isMbox(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(5), 0, 5, 0)
    return bytesRead === 5 && buffer.toString('latin1') === 'From '
  } finally {
    await file.close()
  }
}

async function* inMbox(path: string): AsyncGenerator<SourceMail> {
  let rest: Buffer = Buffer.from('\n')
  let count = 0
  /** Of a mail whose end has not come, what is read no more. */
  let skipping = false
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const end = rest.indexOf(FROM_LINE, 1)
      if (end < 0) break
      if (!skipping) yield { name: `${path}#${++count}`, bytes: unwrapped(rest.subarray(0, end + 1)) }
      skipping = false
      rest = rest.subarray(end)
    }
    if (rest.length <= 2 * MOST_READ) continue
    if (!skipping) yield { name: `${path}#${++count}`, bytes: unwrapped(rest.subarray(0, MOST_READ)) }
    skipping = true
    rest = rest.subarray(rest.length - FROM_LINE.length)
  }
  if (!skipping && rest.length > FROM_LINE.length) yield { name: `${path}#${++count}`, bytes: unwrapped(rest) }
}

/** Without the line of the mbox, with lines as on the wire. */
function unwrapped(piece: Buffer): Buffer {
  const start = piece.indexOf(10, 1) + 1
  const mail = piece.subarray(start, start + MOST_READ).toString('latin1')
  return Buffer.from(mail.replace(/\r?\n/g, '\r\n').replace(/^>(>*From )/gm, '$1'), 'latin1')
}

async function* inMailbox(place: string, { accounts, mail }: SourceParts): AsyncGenerator<SourceMail> {
  const [who = '', ...rest] = place.split(':')
  const name = rest.join(':')
  const account = await accountNamed(who, accounts())
  const store = mail()
  if (account === undefined || store === undefined)
    throw new CommandError(`there is no account ${who}, and no file of that name`, 2)
  const info = await store.find(account.id, name)
  if (info === undefined) throw new CommandError(`${who} has no mailbox ${name}`, 2)
  const box = await store.open(account.id, info.id)
  for (let from = 1; from < info.uidNext; from += LIST_PAGE) {
    for (const entry of await box.list(from, from + LIST_PAGE - 1)) {
      const start = Buffer.byteLength(entry.prefix)
      const bytes = await box.read(entry, start, start + MOST_READ).catch(onlyGone)
      // Its owner has removed it since it was listed.
      if (bytes !== undefined) yield { name: `${place}#${entry.uid}`, bytes }
    }
  }
}

function onlyGone(error: unknown): undefined {
  if (error instanceof MailError && error.errorCode === 'message-gone') return undefined
  throw error
}
