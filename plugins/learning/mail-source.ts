/**
 * Mail to learn from, wherever it lies: a file of one mail, an mbox, a Maildir or any folder of such, or a mailbox of an account here
 * (`alice@example.org:Junk`). One at a time, so that a mailbox of any size fits. What is not there at all is thrown; what lies there and cannot be read is told
 * of and passed over, so that one broken file does not keep a Maildir from being learned.
 */
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Account,
  type Accounts,
  CommandError,
  type Mailbox,
  MailError,
  type MailStore,
  readMailFile,
} from 'posthouse/api'
import { MOST_READ } from './lesson.js'
import { mailsInMbox, startOfMbox } from './mbox.js'

export interface SourceMail {
  readonly name: string
  readonly bytes: Buffer
}

export interface PassedOver {
  /** A sentence that names it. */
  readonly fault: string
}

type Sources = AsyncGenerator<SourceMail | PassedOver>

export interface SourceParts {
  readonly accounts: () => Accounts | undefined
  readonly mail: () => MailStore | undefined
}

export async function accountNamed(name: string, accounts: Accounts | undefined): Promise<Account | undefined> {
  return (await accounts?.byLogin(name)) ?? (await accounts?.byAddress(name.toLowerCase()))
}

const LIST_PAGE = 200
/** Enough to see an mbox, also behind empty lines. */
const BEGINNING = 64

/**
 * Looks whether it is there, which throws a `CommandError` if it is not; reads nothing yet. `once`: each is read a single time, so one mail may come
 * through a pipe, too (`<(zcat …)`).
 */
export async function sourceOf(path: string, parts: SourceParts, { once = false } = {}): Promise<() => Sources> {
  const facts = await stat(path).catch(() => undefined)
  if (facts?.isDirectory() === true) return () => inFolder(path)
  if (facts?.isFile() === true) return () => inFile(path)
  if (facts?.isFIFO() === true && once) return () => asOne(path)
  // What comes through a pipe could be read only once, and may never come.
  if (facts !== undefined) throw new CommandError(`${path} is neither a file nor a folder`, 2)
  if (/^[^/]+:./.test(path)) return inMailbox(path, parts)
  throw new CommandError(`there is no file ${path}; a mailbox is named alice@example.org:Junk`, 2)
}

/** A Maildir is a folder of folders; `tmp` holds what is not yet there. `above`: folders that a link in it may lead back to. */
async function* inFolder(path: string, above: readonly string[] = []): Sources {
  const { dev, ino } = await stat(path)
  const way = [...above, `${dev}/${ino}`]
  if (above.includes(way.at(-1)!)) return
  let names: readonly string[] = []
  try {
    names = (await readdir(path)).sort()
  } catch (error) {
    yield { fault: faultOf(path, error) }
  }
  for (const name of names) {
    if (name === 'tmp' || (name.startsWith('.') && !name.startsWith('.INBOX') && name.length < 3)) continue
    const inner = join(path, name)
    const facts = await stat(inner).catch(() => undefined)
    if (facts?.isDirectory() === true) yield* inFolder(inner, way)
    else if (facts?.isFile() === true && !/^dovecot|^maildir|\.lock$/.test(name)) yield* inFile(inner)
  }
}

async function* inFile(path: string): Sources {
  try {
    const start = startOfMbox(await beginningOf(path))
    let count = 0
    if (start >= 0) for await (const bytes of mailsInMbox(path, start)) yield { name: `${path}#${++count}`, bytes }
    else yield* asOne(path)
  } catch (error) {
    yield { fault: faultOf(path, error) }
  }
}

async function* asOne(path: string): Sources {
  try {
    yield { name: path, bytes: (await readMailFile(path)).subarray(0, MOST_READ) }
  } catch (error) {
    yield { fault: faultOf(path, error) }
  }
}

async function beginningOf(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(BEGINNING), 0, BEGINNING, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

function faultOf(path: string, error: unknown): string {
  if (error instanceof CommandError) return error.message
  if (error instanceof Error && 'code' in error) return `${path} cannot be read: ${error.code}`
  throw error
}

async function inMailbox(place: string, { accounts, mail }: SourceParts): Promise<() => Sources> {
  const [who = '', ...rest] = place.split(':')
  const name = rest.join(':')
  const account = await accountNamed(who, accounts())
  const store = mail()
  if (account === undefined || store === undefined)
    throw new CommandError(`there is no account ${who}, and no file of that name`, 2)
  const info = await store.find(account.id, name)
  if (info === undefined) throw new CommandError(`${who} has no mailbox ${name}`, 2)
  const box = await store.open(account.id, info.id)
  return () => inBox(place, box, info.uidNext)
}

async function* inBox(place: string, box: Mailbox, uidNext: number): Sources {
  for (let from = 1; from < uidNext; from += LIST_PAGE) {
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
