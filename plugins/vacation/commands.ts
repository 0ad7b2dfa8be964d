/** `posthouse vacation …`: what people hear from whom is away. It holds with the next message, in all workers. */
import { userInfo } from 'node:os'
import {
  type Accounts,
  type ArrivedMail,
  accountNamed,
  type Clock,
  type Command,
  CommandError,
  type CommandRun,
} from 'posthouse/api'
import { addressKey, parseAddress, parseAddressList, printable, scanHeader } from 'posthouse/text'
import { LEAST_DAYS, MOST_DAYS } from './replier.js'
import { holdsAt, type Setting, type Settings } from './stored.js'
import { whyNot } from './whom.js'
import { dayIn, dayOf, settingInWords } from './words.js'

export interface CommandParts {
  readonly settings: Settings
  readonly accounts: Accounts
  readonly clock: Clock
  readonly domains: { has(domain: string): boolean }
  readonly server: string
  /** Where none is given. */
  readonly days: number
}

const MAX_TEXT_BYTES = 16 * 1024
const MAX_SUBJECT = 200
const MOST_ADDRESSES = 100
const DAY_WISH = 'a day such as 2026-12-24'

export function vacationCommands(parts: CommandParts): readonly Command[] {
  return [
    {
      name: 'vacation set',
      summary: 'have mail to an account answered with the text on standard input',
      usage: 'LOGIN < text',
      arity: [1, 1],
      options: {
        subject: { type: 'string', value: 'TEXT', description: 'default: "Auto: " and the subject of the mail' },
        from: {
          type: 'string',
          value: 'MAILBOX',
          description: 'From of the answer, at a domain of ours; default: the address the mail came for',
        },
        addresses: { type: 'string', value: 'ADDRESS,…', description: "more addresses that are the owner's" },
        days: {
          type: 'string',
          value: 'N',
          description: `nobody hears it twice in so many days; default ${parts.days}`,
        },
        start: { type: 'string', value: 'DAY', description: `from that day on, ${DAY_WISH}; default: at once` },
        end: {
          type: 'string',
          value: 'DAY',
          description: 'until the end of that day; default: until it is taken away',
        },
      },
      run: run => set(parts, run),
    },
    {
      name: 'vacation show',
      summary: 'show the vacation answer of an account',
      usage: 'LOGIN',
      arity: [1, 1],
      run: run => show(parts, run),
    },
    {
      name: 'vacation remove',
      summary: 'take the vacation answer of an account away',
      usage: 'LOGIN',
      arity: [1, 1],
      run: run => remove(parts, run),
    },
    {
      name: 'vacation list',
      summary: 'list the accounts with a vacation answer',
      arity: [0, 0],
      run: run => list(parts, run),
    },
    {
      name: 'vacation try',
      summary:
        'say whether the sender of the message on standard input would be answered, and why not; nothing is sent',
      usage: 'LOGIN < message',
      arity: [1, 1],
      options: {
        sender: { type: 'string', value: 'ADDRESS', description: 'envelope sender; default: its Return-Path' },
      },
      run: run => tryOut(parts, run),
    },
  ]
}

async function set(parts: CommandParts, run: CommandRun): Promise<void> {
  const account = await accountNamed(parts.accounts, run.args[0]!)
  const text = (await run.stdin()).replace(/\r\n?/g, '\n').trimEnd()
  if (text.trim() === '') throw new CommandError('the text of the answer is missing: it is read from standard input')
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES)
    throw new CommandError(`the text is longer than ${MAX_TEXT_BYTES / 1024} KB`)
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.test(text)) throw new CommandError('the text holds control characters')
  const { options } = run
  const [subject, from] = [textOf(options.subject), textOf(options.from)]
  const [start, end] = [dayOption(options.start, 'start', false), dayOption(options.end, 'end', true)]
  if (
    subject !== undefined &&
    (subject.trim() === '' || subject.length > MAX_SUBJECT || printable(subject, MAX_SUBJECT) !== subject)
  )
    throw new CommandError(`--subject: expected one line of up to ${MAX_SUBJECT} characters`, 2)
  if (start !== undefined && end !== undefined && end <= start) throw new CommandError('--end lies before --start', 2)
  const setting: Setting = {
    text,
    ...(subject === undefined ? {} : { subject }),
    ...(from === undefined ? {} : { from: fromIn(from, parts) }),
    addresses: addressesIn(textOf(options.addresses)),
    days: daysIn(textOf(options.days), parts.days),
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    by: userInfo().username,
    at: parts.clock.now(),
  }
  await parts.settings.put(account.id, setting)
  if (run.json) run.print(JSON.stringify(shown(account.login, setting, parts.clock.now())))
  else run.print(`${account.login}: ${settingInWords(setting, parts.clock.now())}`)
}

async function show({ settings, accounts, clock }: CommandParts, run: CommandRun): Promise<number> {
  const { id, login } = await accountNamed(accounts, run.args[0]!)
  const setting = await settings.of(id)
  if (run.json) run.print(JSON.stringify(setting === undefined ? { login } : shown(login, setting, clock.now())))
  else if (setting === undefined) run.print(`${login} has no vacation answer`)
  else {
    run.print(`${login}: ${settingInWords(setting, clock.now())}`)
    if (setting.from !== undefined) run.print(`From: ${setting.from}`)
    if (setting.addresses.length > 0) run.print(`also for mail to ${setting.addresses.join(', ')}`)
    run.print('')
    for (const line of setting.text.split('\n')) run.print(line)
  }
  return setting === undefined ? 1 : 0
}

async function remove({ settings, accounts }: CommandParts, run: CommandRun): Promise<void> {
  const { id, login } = await accountNamed(accounts, run.args[0]!)
  if ((await settings.of(id)) === undefined) throw new CommandError(`${login} has no vacation answer`)
  await settings.put(id, undefined)
  run.print(run.json ? JSON.stringify({ login }) : `${login} has no vacation answer any more`)
}

async function list({ settings, accounts, clock }: CommandParts, run: CommandRun): Promise<void> {
  const all: { readonly login: string; readonly setting: Setting }[] = []
  for await (const [id, setting] of settings.all())
    all.push({ login: (await accounts.byId(id))?.login ?? `${id} (no account any more)`, setting })
  const now = clock.now()
  if (run.json) {
    run.print(JSON.stringify(all.map(({ login, setting }) => shown(login, setting, now))))
    return
  }
  if (all.length === 0) run.print('no account has a vacation answer')
  for (const { login, setting } of all) run.print(`${login}: ${settingInWords(setting, now)}`)
}

/** Exit code 1: nobody would be answered. */
async function tryOut({ settings, accounts, clock, server }: CommandParts, run: CommandRun): Promise<number> {
  const account = await accountNamed(accounts, run.args[0]!)
  const setting = await settings.of(account.id)
  const { fields } = scanHeader(Buffer.from(await run.stdin()))
  const returned = fields.find(({ name }) => name.toLowerCase() === 'return-path')?.raw.replace(/[<>\s]/g, '') ?? ''
  const sender = parseAddress(String(run.options.sender ?? returned)) ?? null
  const recipient = parseAddress(account.addresses[0] ?? '') ?? { local: account.login, domain: '' }
  const mail: ArrivedMail = { id: 'try', sender, recipient, size: 0, header: async () => fields }
  const why =
    setting === undefined
      ? 'there is no vacation answer'
      : holdsAt(setting, clock.now())
        ? whyNot(account, mail, fields, setting, server)
        : 'the vacation answer does not hold today'
  const to = sender === null ? undefined : addressKey(sender)
  if (run.json)
    run.print(
      JSON.stringify({ login: account.login, answered: why === undefined, ...(why === undefined ? { to } : { why }) }),
    )
  else
    run.print(
      why === undefined
        ? `${to} would be answered, unless that was so within ${setting!.days} days`
        : `nobody would be answered: ${why}`,
    )
  return why === undefined ? 0 : 1
}

/** As `--json` prints it. */
function shown(login: string, { start, end, at, ...rest }: Setting, now: number) {
  return {
    login,
    ...rest,
    ...(start === undefined ? {} : { start: dayOf(start) }),
    ...(end === undefined ? {} : { end: dayOf(end - 1) }),
    holds: holdsAt({ ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) }, now),
    since: new Date(at).toISOString(),
  }
}

// ── options ──

function textOf(option: string | boolean | undefined): string | undefined {
  return typeof option === 'string' ? option : undefined
}

function dayOption(option: string | boolean | undefined, name: string, after: boolean): number | undefined {
  if (typeof option !== 'string') return undefined
  const day = dayIn(option, after)
  if (day === undefined) throw new CommandError(`--${name}: expected ${DAY_WISH}, got "${printable(option)}"`, 2)
  return day
}

function daysIn(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  const days = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (days < LEAST_DAYS || days > MOST_DAYS)
    throw new CommandError(`--days: expected ${LEAST_DAYS} to ${MOST_DAYS}, got "${printable(text)}"`, 2)
  return days
}

/** RFC 5230 §4.3: a mailbox; and one of ours, as nobody writes in the name of others. */
function fromIn(text: string, { domains }: CommandParts): string {
  const [item, ...more] = parseAddressList(text)
  const written =
    item?.kind === 'mailbox' && item.domain !== '' ? parseAddress(`${item.local}@${item.domain}`) : undefined
  if (written === undefined || more.length > 0 || printable(text) !== text)
    throw new CommandError(
      `--from: expected a mailbox such as "Alice <alice@example.org>", got "${printable(text)}"`,
      2,
    )
  if (!domains.has(written.domain)) throw new CommandError(`--from: ${written.domain} is none of our domains`, 2)
  return text
}

function addressesIn(text: string | undefined): readonly string[] {
  const list = (text ?? '')
    .split(',')
    .map(one => one.trim())
    .filter(one => one !== '')
  if (list.length > MOST_ADDRESSES) throw new CommandError(`--addresses: at most ${MOST_ADDRESSES}`, 2)
  return list.map(one => {
    const address = parseAddress(one)
    if (address === undefined) throw new CommandError(`--addresses: "${printable(one)}" is no address`, 2)
    return addressKey(address)
  })
}
