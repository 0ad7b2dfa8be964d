/**
 * A Maildir with its folders, as Dovecot and Courier leave it: Maildir++ (`.Work.2024`) or folders within folders. Nothing is written there; a server
 * that still runs may go on, and what it renames meanwhile is found under its new name.
 */
import { join } from 'node:path'
import { chunksOf, hasFolders, isFolder, linesOf, modifiedAt, namesIn } from '../files.js'
import type { Foreign, ForeignMail, ForeignMailbox } from '../foreign.js'
import { nameHere } from '../names.js'
import { DOVECOT_UIDL, type UidlOf, uidlFormat } from '../uidl.js'
import {
  baseName,
  flagsOf,
  readCourierKeywords,
  readCourierPopList,
  readDovecotKeywords,
  readDovecotUidList,
  type UidList,
} from './lists.js'
import { readSubscriptions } from './subscriptions.js'

export interface MaildirOptions {
  /** How POP3 called messages where nothing says it of each; `undefined`: as Dovecot does if its lists are there. */
  readonly uidl?: UidlOf | undefined
  /** POP3 clients may fetch all anew. */
  readonly withoutUidl?: boolean
}

const MOST_FOLDERS = 20_000
const MOST_DEPTH = 32
const OWN = new Set(['cur', 'new', 'tmp'])
const NO_UIDS: UidList = { uids: new Map(), uniqueIds: new Map() }

interface Folder {
  readonly path: string
  readonly levels: readonly string[]
}

/** `undefined` when it is no Maildir. */
export async function readMaildir(path: string, options: MaildirOptions): Promise<Foreign | undefined> {
  // The one that was named may be a link.
  const root = join(path, '.')
  if (!(await hasFolders(root, 'cur'))) return undefined
  const warnings: string[] = []
  return { mailboxes: mailboxesOf(root, options, warnings), warnings }
}

async function* mailboxesOf(root: string, options: MaildirOptions, warnings: string[]): AsyncGenerator<ForeignMailbox> {
  const subscribed = await readSubscriptions(root)
  yield await readFolder({ path: root, levels: ['INBOX'] }, 'INBOX', { ...options, subscribed: true })
  for (const folder of await foldersIn(root, warnings)) {
    const name = nameHere(folder.levels)
    if (name === undefined || name === 'INBOX')
      warnings.push(`${folder.path}: no mailbox can be called so; passed over`)
    else
      yield await readFolder(folder, name, { withoutUidl: true, subscribed: subscribed.has(folder.levels.join('/')) })
  }
}

async function foldersIn(root: string, warnings: string[]): Promise<readonly Folder[]> {
  const found: Folder[] = []
  const pending: Folder[] = [{ path: root, levels: [] }]
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const name of await namesIn(folder.path)) {
      const path = join(folder.path, name)
      const levels = folder.path === root && name.startsWith('.') ? name.slice(1).split('.') : [...folder.levels, name]
      if (OWN.has(name) || levels.includes('') || name.startsWith('..') || !(await isFolder(path))) continue
      const isOne = await hasFolders(path, 'cur')
      if (isOne) found.push({ path, levels })
      if (levels.length < MOST_DEPTH && !name.startsWith('.')) pending.push({ path, levels })
      if (found.length < MOST_FOLDERS) continue
      warnings.push(`${root}: more than ${MOST_FOLDERS} folders; the others were passed over`)
      return found
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function readFolder(
  { path }: Folder,
  name: string,
  { subscribed, uidl, withoutUidl = false }: MaildirOptions & { readonly subscribed: boolean },
): Promise<ForeignMailbox> {
  const { list, dovecots } = await uidListOf(path)
  const { uidValidity, uidNext } = list
  const popNames = withoutUidl ? undefined : await readCourierPopList(linesOf(join(path, 'courierpop3dsizelist')))
  const format = withoutUidl ? undefined : (uidl ?? (dovecots ? uidlFormat(DOVECOT_UIDL) : undefined))
  const keywords = await readKeywords(path)
  const mails: ForeignMail[] = []
  for (const folder of ['cur', 'new']) {
    for (const file of await namesIn(join(path, folder))) {
      if (file.startsWith('.')) continue
      const base = baseName(file)
      const uid = list.uids.get(base)
      const facts = { file: base, ...(uid !== undefined && { uid }), ...(uidValidity !== undefined && { uidValidity }) }
      const uniqueId = withoutUidl ? undefined : (list.uniqueIds.get(base) ?? popNames?.get(base) ?? format?.(facts))
      mails.push({
        source: base,
        place: join(path, folder, file),
        flags: [...flagsOf(file, keywords.letters), ...(keywords.files.get(base) ?? [])],
        // What is gone by then is told when it is read.
        date: (await modifiedAt(join(path, folder, file))) ?? 0,
        ...(uid !== undefined && { uid }),
        ...(uniqueId !== undefined && { uniqueId }),
        chunks: () => chunksWherever(path, folder, file),
      })
    }
  }
  const messages = inOrder(mails)
  const numbers = { ...(uidValidity !== undefined && { uidValidity }), ...(uidNext !== undefined && { uidNext }) }
  return { name, place: path, subscribed, ...numbers, messages }
}

async function uidListOf(path: string): Promise<{ readonly list: UidList; readonly dovecots: boolean }> {
  const dovecots = await readDovecotUidList(linesOf(join(path, 'dovecot-uidlist')))
  if (dovecots !== undefined) return { list: dovecots, dovecots: true }
  return { list: (await readDovecotUidList(linesOf(join(path, 'courierimapuiddb')))) ?? NO_UIDS, dovecots: false }
}

async function readKeywords(path: string) {
  const folder = join(path, 'courierimapkeywords')
  const files = await readCourierKeywords(linesOf(join(folder, ':list')))
  for (const name of await namesIn(folder)) {
    if (name.startsWith(':') || name.startsWith('.')) continue
    const keywords: string[] = []
    for await (const line of linesOf(join(folder, name))) if (line !== '') keywords.push(line)
    files.set(baseName(name), keywords)
  }
  return { letters: await readDovecotKeywords(linesOf(join(path, 'dovecot-keywords'))), files }
}

/** As the other server shows them: by UID, and behind them what it has not looked at yet, in the order it came. */
function inOrder(mails: readonly ForeignMail[]): readonly ForeignMail[] {
  const last = Number.POSITIVE_INFINITY
  const order = (a: ForeignMail, b: ForeignMail) => (a.source < b.source ? -1 : 1)
  return mails.toSorted((a, b) => (a.uid === b.uid ? order(a, b) : (a.uid ?? last) - (b.uid ?? last)))
}

/** A client that marks it read, or looks into the mailbox for the first time, has it renamed. */
async function* chunksWherever(path: string, folder: string, file: string): AsyncGenerator<Buffer> {
  let begun = false
  try {
    for await (const chunk of chunksOf(join(path, folder, file))) {
      begun = true
      yield chunk
    }
  } catch (error) {
    if (begun || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    const base = baseName(file)
    const now = (await namesIn(join(path, 'cur'))).find(name => baseName(name) === base)
    if (now === undefined) throw error
    yield* chunksOf(join(path, 'cur', now))
  }
}
