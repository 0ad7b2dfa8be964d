/** `posthouse import maildir|mbox`: mail of another server into accounts, beside the running server or without one. */
import { resolve } from 'node:path'
import { type Account, type Accounts, type Command, CommandError, type CommandRun, type Store } from 'posthouse/api'
import { closest, formatSize } from 'posthouse/text'
import { type Brought, bringMailbox } from './bringing.js'
import type { Foreign } from './foreign.js'
import { readMaildir } from './maildir/reader.js'
import { readMbox } from './mbox/reader.js'
import { readMap } from './names.js'
import { type UidlOf, uidlFormat } from './uidl.js'

export interface ImportParts {
  readonly store: Store
  readonly accounts: Accounts
  readonly maxBytes: number
  readonly now: () => number
}

/** So often people hear that it goes on. */
const TOLD_EVERY_MS = 5_000

const OPTIONS = {
  uidl: {
    type: 'string',
    value: 'FORMAT',
    description:
      "how POP3 called messages: Dovecot's pop3_uidl_format (%u, %v, %f; %08Xu%08Xv is the default with Dovecot's lists), x-uidl for the field of that name in its mbox files (pop3_reuse_xuidl), or none",
  },
  map: {
    type: 'string',
    value: 'NAMES',
    description: 'folders that get other names, with what is below them: "Sent Items=Sent,Spam=Junk"',
  },
  flags: {
    type: 'boolean',
    description: 'messages that came before get the flags they have there now',
  },
  'dry-run': { type: 'boolean', description: 'only say what is there' },
} as const

interface Wish {
  readonly uidl: UidlOf | undefined
  readonly withoutUidl: boolean
  readonly fieldUidl: boolean
  readonly rename: (name: string) => string
  readonly flags: boolean
  readonly dryRun: boolean
  readonly inbox?: string
}

type Read = (path: string, wish: Wish) => Promise<Foreign | undefined>

export function importCommands(parts: ImportParts): readonly Command[] {
  return [
    {
      name: 'import maildir',
      summary: "bring the mail of a Maildir (Dovecot's or Courier's) with UIDs, UIDLs, flags and dates",
      usage: 'LOGIN FOLDER [LOGIN FOLDER …]',
      arity: [2, 10_000],
      options: OPTIONS,
      run: run => bringAll(run, parts, readMaildir, 'a Maildir: there is no folder "cur" in it'),
    },
    {
      name: 'import mbox',
      summary: "bring the mail of an mbox file, or of a folder of them (Dovecot's, or any program's)",
      usage: 'LOGIN FILE-OR-FOLDER',
      arity: [2, 2],
      options: {
        ...OPTIONS,
        inbox: { type: 'string', value: 'FILE', description: 'the file that is INBOX, beside the folder' },
      },
      run: run => bringAll(run, parts, readMbox, 'a file or a folder'),
    },
  ]
}

/** As `--json` prints it. */
interface Told {
  readonly account: string
  readonly from: string
  readonly mailboxes: readonly (Brought | Found)[]
  readonly warnings: readonly string[]
}

interface Found {
  readonly mailbox: string
  readonly from: string
  readonly messages: number
  readonly uidValidity?: number
}

async function bringAll(run: CommandRun, parts: ImportParts, read: Read, expected: string): Promise<number> {
  if (run.args.length % 2 !== 0) throw new CommandError('expected a LOGIN before each FOLDER')
  const wish = wishOf(run)
  const told: Told[] = []
  for (let at = 0; at < run.args.length; at += 2) {
    const account = await accountOf(run.args[at]!, parts.accounts)
    const path = resolve(run.args[at + 1]!)
    const foreign = await read(path, wish)
    if (foreign === undefined) throw new CommandError(`${path} is not ${expected}`)
    told.push(await bringOne(run, parts, account, { path, foreign, wish }))
  }
  if (run.json) run.print(JSON.stringify(told, null, 2))
  const failures = told.flatMap(({ mailboxes }) => mailboxes).some(one => 'failures' in one && one.failures.length > 0)
  return failures ? 1 : 0
}

function wishOf({ options }: CommandRun): Wish {
  const { uidl, map = '', flags = false, inbox } = options
  const rename = map === '' ? (name: string) => name : readMap(String(map))
  if (rename === undefined) throw new CommandError(`--map ${map}: expected pairs such as "Sent Items=Sent,Spam=Junk"`)
  return {
    uidl: uidl === undefined || uidl === 'none' || uidl === 'x-uidl' ? undefined : uidlFormat(String(uidl)),
    withoutUidl: uidl === 'none',
    fieldUidl: uidl === 'x-uidl',
    rename,
    flags: flags === true,
    dryRun: options['dry-run'] === true,
    ...(inbox !== undefined && { inbox: resolve(String(inbox)) }),
  }
}

async function accountOf(login: string, accounts: Accounts): Promise<Account> {
  const account = (await accounts.byLogin(login)) ?? (await accounts.byAddress(login))
  if (account !== undefined) return account
  const all = await accounts.list()
  const meant = closest(
    login,
    all.slice(0, 10_000).map(one => one.login),
  )
  const hint = meant === undefined ? '' : `, did you mean ${meant}?`
  throw new CommandError(`there is no account ${login}${hint}; make it first, with "posthouse user add"`)
}

async function bringOne(
  run: CommandRun,
  parts: ImportParts,
  account: Account,
  { path, foreign, wish }: { readonly path: string; readonly foreign: Foreign; readonly wish: Wish },
): Promise<Told> {
  const mailboxes: (Brought | Found)[] = []
  for await (const mailbox of foreign.mailboxes) {
    const name = wish.rename(mailbox.name)
    const { place: from, messages, uidValidity } = mailbox
    if (wish.dryRun) {
      mailboxes.push({
        mailbox: name,
        from,
        messages: messages.length,
        ...(uidValidity !== undefined && { uidValidity }),
      })
      if (!run.json) run.print(`${account.login}: ${name}  ${messages.length} messages in ${from}`)
      continue
    }
    const progress = progressOf(run, parts, `${account.login}: ${name}`, messages.length)
    const done = await bringMailbox(parts.store, account.id, mailbox, {
      name,
      flags: wish.flags,
      maxBytes: parts.maxBytes,
      progress,
    })
    mailboxes.push(done)
    if (!run.json) tell(run, account, done)
  }
  const warnings = [...foreign.warnings, ...(await overQuota(account, parts.store))]
  if (!run.json) for (const warning of warnings) run.warn(warning)
  return { account: account.login, from: path, mailboxes, warnings }
}

function progressOf({ warn }: CommandRun, { now }: ImportParts, what: string, all: number): (done: number) => void {
  let last = now()
  return done => {
    if (now() - last < TOLD_EVERY_MS) return
    last = now()
    warn(`${what}  ${done} of ${all} …`)
  }
}

function tell(run: CommandRun, { login }: Account, done: Brought): void {
  const parts = [`${done.brought} brought (${formatSize(done.bytes)})`]
  if (done.known > 0) parts.push(`${done.known} were there`)
  if (done.flagged > 0) parts.push(`flags of ${done.flagged} changed`)
  if (done.failures.length > 0) parts.push(`${done.messages - done.brought - done.known} failed`)
  if (done.uidls > 0) parts.push(`${done.uidls} UIDLs kept`)
  run.print(`${login}: ${done.mailbox}  ${parts.join(', ')}; ${UIDS[done.uids]}`)
  for (const failure of done.failures) run.warn(failure)
}

const UIDS = {
  kept: 'UIDs and UIDVALIDITY kept',
  new: 'UIDs are new, so IMAP clients fetch it anew',
  'some new': 'some UIDs were taken: have IMAP clients fetch it anew',
} as const

/** It is the admin's mail to bring: a quota stops only what comes later. */
async function overQuota(
  { id, login, quotaBytes, quotaMessages }: Account,
  { mail }: Store,
): Promise<readonly string[]> {
  const { bytes, messages } = await mail.usage(id)
  const over =
    bytes > (quotaBytes ?? Number.POSITIVE_INFINITY) || messages > (quotaMessages ?? Number.POSITIVE_INFINITY)
  return over ? [`${login} is over its quota now: ${formatSize(bytes)}, ${messages} messages`] : []
}
