/** Accounts in rows of the store, and a process that is killed while it changes them. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { TableEntry } from '../../../core/api/index.js'
import type { StoredAccount } from '../../../plugins/auth-file/accounts-file.js'
import { namesOf } from '../../../plugins/auth-file/book.js'
import { folder } from './install.js'
import { after, stepOf } from './row-steps.js'

const WORKER = fileURLToPath(new URL('row-worker.js', import.meta.url))
const KILLS = Number(process.env.POSTHOUSE_ROW_KILLS ?? 6)

test('a change of accounts is whole or has not been, however often its process is killed, and the next one goes on', async t => {
  const dir = mkdtempSync(join(folder, 'crash-'))
  let accounts: ReadonlyMap<string, StoredAccount> = new Map()
  let [steps, halfway] = [0, 0]
  for (let kill = 0; kill < KILLS; kill++) {
    const said = await changed(dir, steps)
    for (const last = steps + said; steps < last; steps++) accounts = after(accounts, stepOf(steps))
    const rows = dumped(dir)
    // What was under way is done, or has not been.
    const next = after(accounts, stepOf(steps))
    if (!same(rows, accounts)) {
      assert.deepEqual(rows, rowsOf(next, rows), `after ${steps} steps`)
      accounts = next
      halfway++
      steps++
    }
  }
  t.diagnostic(`${KILLS} kills, ${steps} steps, ${halfway} done and not said, ${accounts.size} accounts`)
  assert.ok(steps > KILLS && accounts.size > 0)
})

/** How many steps it said, from `first` on, until it was killed. */
async function changed(dir: string, first: number): Promise<number> {
  const child = spawn(process.execPath, [WORKER, 'change', dir, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const ended = once(child, 'close')
  await Promise.race([once(child.stdout, 'data'), ended])
  await sleep(Math.random() * 150)
  child.kill('SIGKILL')
  const [code] = (await ended) as [number | null]
  assert.equal(code, null, 'it ended by itself')
  return text.split('\n').length - 1
}

function dumped(dir: string): readonly TableEntry[] {
  const text = execFileSync(process.execPath, [WORKER, 'dump', dir], { encoding: 'utf8' })
  return (JSON.parse(text) as TableEntry[]).filter(({ key }) => key !== 'begun')
}

function same(rows: readonly TableEntry[], accounts: ReadonlyMap<string, StoredAccount>): boolean {
  return JSON.stringify(rows) === JSON.stringify(rowsOf(accounts, rows))
}

/** The rows that stand for these accounts. Whose a prepared name was first nobody can tell from the accounts: that is read from `there`. */
function rowsOf(accounts: ReadonlyMap<string, StoredAccount>, there: readonly TableEntry[]): readonly TableEntry[] {
  const names = new Map<string, string[]>()
  for (const account of accounts.values())
    for (const [kind, name] of namesOf(account))
      names.set(`${kind}/${name}`, [...(names.get(`${kind}/${name}`) ?? []), account.id])
  const known = new Map(there.map(({ key, value }) => [key, value]))
  const rows = [...accounts.values()].map(account => [`account/${account.id}`, JSON.stringify(account)] as const)
  const all = [
    ...rows,
    ...[...names].map(([key, ids]) => {
      const order = known.get(key)?.split(' ') ?? []
      return [key, ids.sort((one, two) => order.indexOf(one) - order.indexOf(two)).join(' ')] as const
    }),
  ]
  return all
    .map(([key, value]) => ({ key, value }))
    .sort((one, two) => Buffer.compare(Buffer.from(one.key), Buffer.from(two.key)))
}
