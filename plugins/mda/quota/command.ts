/** `posthouse quota list`: how full the mailboxes are, the fullest first. */
import {
  type Account,
  type Accounts,
  accountNamed,
  type Command,
  CommandError,
  type CommandRun,
  type MailStore,
} from 'posthouse/api'
import { formatSize } from 'posthouse/text'
import type { QuotaKeeper } from './keeper.js'
import { type Amount, amountOf, graceInWords, hasQuota, shareOf } from './room.js'

export interface QuotaCommandParts {
  readonly accounts: Accounts
  readonly mail: Pick<MailStore, 'usage'>
  readonly quotas: Pick<QuotaKeeper, 'graceUntil'>
}

interface Line {
  readonly account: Account
  readonly used: Amount
  readonly percent: number
  readonly graceUntil: number | undefined
}

export function quotaCommand(parts: QuotaCommandParts): Command {
  return {
    name: 'quota list',
    summary: 'say how much mail accounts hold, and how much they may',
    usage: '[LOGIN]',
    arity: [0, 1],
    options: {
      over: { type: 'string', value: 'PERCENT', description: 'only those that use more of their quota, as 90' },
    },
    run: run => list(parts, run),
  }
}

async function list(parts: QuotaCommandParts, run: CommandRun): Promise<void> {
  const [login] = run.args
  const over = readOver(run.options.over)
  const all = login === undefined ? await parts.accounts.list() : [await accountNamed(parts.accounts, login)]
  const lines: Line[] = []
  // One after the other: there may be many, and a server at work beside us.
  for (const account of all) {
    const line = await lineOf(parts, account)
    if (over === undefined || line.percent > over) lines.push(line)
  }
  lines.sort((a, b) => b.percent - a.percent || b.used.bytes - a.used.bytes)
  if (run.json) return run.print(JSON.stringify(lines.map(told), null, 2))
  const width = Math.max(0, ...lines.map(({ account }) => account.login.length))
  for (const line of lines) run.print(inWords(line, width))
}

async function lineOf({ mail, quotas }: QuotaCommandParts, account: Account): Promise<Line> {
  const used = await mail.usage(account.id)
  return { account, used, percent: shareOf(account, used), graceUntil: await quotas.graceUntil(account, used) }
}

function readOver(value: string | boolean | undefined): number | undefined {
  if (value === undefined) return undefined
  const percent = /^([0-9]{1,4})%?$/.exec(String(value))?.[1]
  if (percent === undefined) throw new CommandError(`--over: expected hundredths of a quota like 90, got "${value}"`)
  return Number(percent)
}

/** As `--json` prints it. */
function told({ account, used, percent, graceUntil }: Line): object {
  const { id, login, quotaBytes = null, quotaMessages = null } = account
  return {
    ...{ id, login, usedBytes: used.bytes, usedMessages: used.messages, quotaBytes, quotaMessages },
    percent: hasQuota(account) && Number.isFinite(percent) ? Math.floor(percent) : null,
    graceUntil: graceUntil === undefined ? null : new Date(graceUntil).toISOString(),
  }
}

function inWords({ account, used, percent, graceUntil }: Line, width: number): string {
  const login = account.login.padEnd(width)
  if (!hasQuota(account)) return `${login}     -  ${formatSize(used.bytes)}, ${used.messages} messages, no quota`
  const over = graceUntil === undefined ? '' : `, ${graceInWords(graceUntil, Date.now())}`
  const share = Number.isFinite(percent) ? `${Math.floor(percent)}%` : 'over'
  return `${login}  ${share.padStart(4)}  ${amountOf(account, used)}${over}`
}
