/** `posthouse verify`: whether everything in the store adds up, and mending it; beside the running server or without one. */
import type { Accounts, Clock, Command, CommandRun, WordIndex } from 'posthouse/api'
import { formatSize } from 'posthouse/text'
import type { LmdbStore } from './store.js'
import type { Fault, Seen } from './verify/index.js'

export interface VerifyParts {
  readonly store: LmdbStore
  readonly clock: Clock
  /** Of entries below ours: there once everything is set up. */
  readonly accounts: () => Accounts | undefined
  readonly words: () => WordIndex | undefined
}

/** As `--json` prints it. */
interface Told {
  readonly seen: Seen
  readonly faults: readonly (Omit<Fault, 'mend'> & { readonly mended: boolean })[]
  /** Recipients in the queue that nobody comes for. */
  readonly adrift: number
  /** Whose mailboxes nobody can log in to. */
  readonly strangers: readonly string[]
  /** Accounts of the directory that have no mailbox yet: those who have had no mail and not logged in. Left out when the directory cannot be asked. */
  readonly withoutMailboxes?: number
  /** Messages that are in the index of words now. */
  readonly indexed?: number
}

/** Kept in memory to be told; of a store that is all wrong the rest is only counted and mended. */
const MOST_TOLD = 10_000

export function verifyCommand(parts: VerifyParts): Command {
  return {
    name: 'verify',
    summary: 'look whether mailboxes, quotas, bodies and queue add up, and mend what does not',
    arity: [0, 0],
    options: {
      repair: {
        type: 'boolean',
        description: 'mend what can be mended: counts (of which quotas are made), names, history, leftovers',
      },
      words: { type: 'boolean', description: 'make the index of words anew, of every mailbox' },
    },
    run: run => verify(run, parts),
  }
}

async function verify(run: CommandRun, parts: VerifyParts): Promise<number> {
  const repair = run.options.repair === true
  const { seen, faults, count, left } = await lookThrough(run, parts.store, repair)
  const { adrift, broken } = await parts.store.queue.audit(parts.clock.now())
  const { strangers, withoutMailboxes: without } = await comparedWith(run, parts)
  const indexed = run.options.words === true ? await makeWords(run, parts) : undefined
  if (run.json) {
    const asked = { strangers, ...(without !== undefined && { withoutMailboxes: without }) }
    const told: Told = { seen, faults, adrift: adrift + broken, ...asked, ...(indexed !== undefined && { indexed }) }
    run.print(JSON.stringify(told, null, 2))
  } else {
    run.print(
      `${counted(seen.accounts, 'account')} with mailboxes${without === undefined ? '' : ` and ${without} without`}, ${counted(seen.mailboxes, 'mailbox', 'mailboxes')}, ${counted(seen.messages, 'message')} of ${formatSize(seen.bytes)} in ${counted(seen.bodies, 'body', 'bodies')}`,
    )
    if (adrift + broken > 0)
      run.print(`queue: ${counted(adrift + broken, 'recipient')} nobody comes for; see "posthouse queue audit"`)
    for (const id of strangers) run.print(`account ${id}: has mailboxes here, and nobody can log in to it`)
    if (indexed !== undefined) run.print(`${counted(indexed, 'message')} in the index of words`)
    run.print(verdict(count, left, repair))
  }
  return left > 0 || adrift + broken > 0 ? 1 : 0
}

async function lookThrough(run: CommandRun, store: LmdbStore, repair: boolean) {
  const { seen, faults, mend } = store.verification()
  const told: Told['faults'][number][] = []
  const pending: Fault[] = []
  let [count, left] = [0, 0]
  for await (const fault of faults()) {
    count++
    const mendable = repair && fault.mend !== undefined
    if (!mendable) left++
    else pending.push(fault)
    const { kind, where, what } = fault
    if (told.length < MOST_TOLD) told.push({ kind, where, what, mended: mendable })
    if (!run.json) run.print(`${where}: ${what}${mendable ? '; mended' : ''}`)
  }
  // Behind all looking: the moment that was looked at keeps the file from using its pages again.
  for (const fault of pending) await mend(fault)
  return { seen, faults: told, count, left }
}

function verdict(count: number, left: number, repair: boolean): string {
  if (count === 0) return 'all of it adds up'
  const faults = counted(count, 'fault')
  if (!repair) return `${faults}; --repair mends what can be mended`
  return left === 0 ? `${faults}, all mended` : `${faults}, ${left} cannot be mended: restore them from a backup`
}

/** Nothing when the directory cannot be asked: that says nothing of the store. */
async function comparedWith(
  run: CommandRun,
  { store, accounts }: VerifyParts,
): Promise<Pick<Told, 'strangers' | 'withoutMailboxes'>> {
  const directory = accounts()
  if (directory === undefined) return { strangers: [] }
  const here = new Set(store.accountIds())
  const strangers: string[] = []
  try {
    for (const id of here) if ((await directory.byId(id)) === undefined) strangers.push(id)
    const there = await directory.list()
    return { strangers, withoutMailboxes: there.filter(({ id }) => !here.has(id)).length }
  } catch (error) {
    run.warn(`whose the accounts are cannot be asked now: ${error instanceof Error ? error.message : error}`)
    return { strangers: [] }
  }
}

async function makeWords(run: CommandRun, { store, words }: VerifyParts): Promise<number> {
  const index = words()
  if (index === undefined) {
    run.warn('nobody keeps an index of words: the plugin imap is off')
    return 0
  }
  let indexed = 0
  for (const accountId of store.accountIds())
    for (const { id } of await store.mail.list(accountId))
      indexed += await index.rebuild(await store.mail.open(accountId, id), NEVER)
  return indexed
}

/** A command ends with its process. */
const NEVER = new AbortController().signal

function counted(count: number, one: string, more = `${one}s`): string {
  return `${count} ${count === 1 ? one : more}`
}
