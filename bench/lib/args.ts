/** The command line of the bench: what may be asked, and sentences for what cannot. Pure. */
import { tmpdir } from 'node:os'
import { countOf, list, meantText, oneOf, parseOptions, secondsOf, sizeOf, Wrong } from './options.js'

export interface Arguments {
  /** Empty: all. */
  readonly scenarios: readonly string[]
  /** Of the scenarios' variants only these; empty: all. */
  readonly variants: readonly string[]
  /** Those too that are run only when named. */
  readonly all: boolean
  readonly sessions?: readonly number[]
  /** Octets. */
  readonly sizes?: readonly number[]
  /** Measured per case and side. */
  readonly seconds: number
  /** Of each turn: a fixed amount of work, whatever time it takes. */
  readonly messages?: number
  readonly workers: number
  readonly client: 'own' | 'smtp-source'
  readonly reconnect: boolean
  /** Messages in the mailbox that is read. */
  readonly mailbox?: number
  /** Where data goes; must be on the disk that is asked about. */
  readonly folder: string
  readonly json?: string
  readonly profile?: string
}

export type Wish =
  | { readonly kind: 'help' }
  | { readonly kind: 'list' }
  | { readonly kind: 'run'; readonly args: Arguments }
  | { readonly kind: 'wrong'; readonly why: string }

export const HELP = `npm run bench -- [SCENARIO…] [options]
npm run bench -- COMMAND …        what else there is: see --list

  --variant A,B         of the scenarios' variants only these
  --sessions 1,20,100   connections at once, one run for each
  --size 4KB,50KB       sizes of messages, one run for each
  --seconds 1.8         measured per case, for ours and for the reference
  --messages 2000       at most so many in each turn; with a long --seconds a turn is a fixed amount of work
  --workers 1           worker processes of the server
  --reconnect           smtp-in: a new connection for each message
  --client smtp-source  smtp-in: send with Postfix's smtp-source (no latencies)
  --mailbox 1000        imap-…: messages in the mailbox (imap-fetch 1000, those that ask for a large one 100000)
  --all                 those scenarios too that take long
  --folder DIR          where data is written (default: the system's temporary folder)
  --json FILE           all figures, with machine, versions and settings
  --profile DIR         CPU profiles of the server's processes (*.cpuprofile)
  --list                what each scenario asks
  --help

Without --sessions and --size each scenario runs its usual cases; the whole takes four to eight minutes on two cores.
`

const OPTIONS = {
  sessions: { type: 'string' },
  size: { type: 'string' },
  seconds: { type: 'string', default: '1.8' },
  messages: { type: 'string' },
  workers: { type: 'string', default: '1' },
  reconnect: { type: 'boolean', default: false },
  client: { type: 'string', default: 'own' },
  mailbox: { type: 'string' },
  variant: { type: 'string' },
  all: { type: 'boolean', default: false },
  folder: { type: 'string' },
  json: { type: 'string' },
  profile: { type: 'string' },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

export function readArguments(
  argv: readonly string[],
  known: readonly string[],
  commands: readonly string[] = [],
): Wish {
  try {
    const { values, positionals } = parseOptions({ args: [...argv], options: OPTIONS, allowPositionals: true })
    if (values.help) return { kind: 'help' }
    if (values.list) return { kind: 'list' }
    for (const name of positionals) if (!known.includes(name)) throw new Wrong(unknown(name, known, commands))
    const sessions = values.sessions === undefined ? undefined : list(values.sessions, countOf('--sessions', 1, 20_000))
    const sizes = values.size === undefined ? undefined : list(values.size, sizeOf)
    return {
      kind: 'run',
      args: {
        scenarios: positionals,
        ...(sessions === undefined ? {} : { sessions }),
        ...(sizes === undefined ? {} : { sizes }),
        seconds: secondsOf(values.seconds),
        ...(values.messages === undefined ? {} : { messages: countOf('--messages', 1, 1_000_000)(values.messages) }),
        workers: countOf('--workers', 1, 64)(values.workers),
        client: oneOf('--client', ['own', 'smtp-source'])(values.client),
        reconnect: values.reconnect,
        variants: values.variant === undefined ? [] : list(values.variant, name => name),
        all: values.all,
        ...(values.mailbox === undefined ? {} : { mailbox: countOf('--mailbox', 1, 1_000_000)(values.mailbox) }),
        folder: values.folder ?? tmpdir(),
        ...(values.json === undefined ? {} : { json: values.json }),
        ...(values.profile === undefined ? {} : { profile: values.profile }),
      },
    }
  } catch (error) {
    if (error instanceof Wrong) return { kind: 'wrong', why: error.message }
    throw error
  }
}

function unknown(name: string, known: readonly string[], commands: readonly string[]): string {
  if (commands.includes(name))
    return `${name} is no scenario: it stands first and alone, with its own options behind it`
  return `no scenario "${name}"${meantText(name, [...known, ...commands])}`
}
