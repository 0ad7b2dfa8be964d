/** `posthouse brake …`: which accounts are braked, and letting one go on. */
import {
  type Clock,
  type Command,
  CommandError,
  type CommandRun,
  fieldIs,
  type Queue,
  type Services,
} from 'posthouse/api'
import { formatDate, printable } from 'posthouse/text'
import { reasonFor } from './judge.js'
import type { Brake, Ledger } from './ledger.js'

export interface CommandParts {
  readonly ledger: Ledger
  readonly services: Services
  readonly clock: Clock
}

export function brakeCommands(parts: CommandParts): readonly Command[] {
  return [
    {
      name: 'brake ls',
      summary: 'list accounts whose outgoing mail is held, and why',
      arity: [0, 0],
      run: run => list(run, parts),
    },
    {
      name: 'brake release',
      summary: 'let an account send again, and send what is held',
      usage: 'LOGIN',
      arity: [1, 1],
      run: run => release(run, parts),
    },
  ]
}

async function list(run: CommandRun, { ledger, services, clock }: CommandParts): Promise<void> {
  const { queue } = services.get('store')
  const braked = await Promise.all(
    (await ledger.braked(clock.now())).map(async brake => ({ ...brake, held: await heldOf(queue, brake) })),
  )
  if (run.json) return run.print(JSON.stringify(braked, null, 2))
  for (const { login, since, why, held } of braked)
    run.print(`${printable(login)}  since ${formatDate(since)}  ${why}  ${held} messages held`)
  if (braked.length === 0) run.print('no account is braked')
}

async function heldOf(queue: Queue, { login }: Brake): Promise<number> {
  let held = 0
  for await (const _ of queue.list({ where: [fieldIs('hold', reasonFor(login))] })) held += 1
  return held
}

async function release(run: CommandRun, parts: CommandParts): Promise<void> {
  const wanted = run.args[0]!
  const { ledger, services, clock } = parts
  const known = (await ledger.braked(clock.now())).find(({ login }) => login.toLowerCase() === wanted.toLowerCase())
  const account = known === undefined ? await services.find('accounts')?.byLogin(wanted) : undefined
  const login = known?.login ?? account?.login ?? wanted
  // The brake first: what comes in meanwhile is not held any more.
  const accountId = known?.accountId ?? account?.id
  if (accountId !== undefined) await ledger.release(accountId)
  const messages = await releaseHeld(services.get('store').queue, login, clock.now())
  if (known === undefined && messages === 0) throw new CommandError(`${login} is not braked, and no mail of it is held`)
  if (run.json) return run.print(JSON.stringify({ login, released: messages }))
  run.print(`${printable(login)} may send again; ${messages} messages released`)
}

/** Resolves to how many messages were held for our reason. */
async function releaseHeld(queue: Queue, login: string, now: number): Promise<number> {
  const reason = reasonFor(login)
  let messages = 0
  for await (const { id, rows } of queue.list({ where: [fieldIs('hold', reason)] })) {
    const says = 'Released: the outgoing brake of its sender was lifted.'
    const trail = [{ id, at: now, event: 'released', says, facts: { login } }]
    const changed = await queue.change(
      id,
      { kind: 'release' },
      rows.map(({ row }) => row),
      trail,
    )
    if (changed > 0) messages += 1
  }
  return messages
}
