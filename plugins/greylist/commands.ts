/** `posthouse greylist …`: which networks are let through, and letting one through by hand. */
import { type Clock, type Command, CommandError, type CommandRun, type State } from 'posthouse/api'
import { formatDuration, networkAround, parseDuration } from 'posthouse/text'
import { networkKey } from './keys.js'
import { prove, readStanding, type Terms } from './standing.js'

const MOST = 10_000

export function greylistCommands(state: State, clock: Clock, terms: Terms): readonly Command[] {
  return [
    {
      name: 'greylist ls',
      summary: 'list the networks that greylisting knows, and which it lets through',
      arity: [0, 0],
      run: run => list(run, state, clock.now(), terms),
    },
    {
      name: 'greylist allow',
      summary: 'let a network through as if its mail had been accepted before',
      usage: 'NETWORK',
      arity: [1, 1],
      options: {
        for: { type: 'string', value: 'TIME', description: 'until then without mail from it; default as `remember`' },
      },
      run: run => allow(run, state, clock.now(), terms),
    },
  ]
}

async function list(run: CommandRun, state: State, now: number, { proven }: Terms): Promise<void> {
  const prefix = networkKey('')
  const networks = (await state.list(prefix, now, MOST)).map(({ key, value, expires }) => {
    const { accepted } = readStanding(value)
    return { network: key.slice(prefix.length), accepted, passes: accepted >= proven, expires }
  })
  if (run.json) return run.print(JSON.stringify(networks, null, 2))
  for (const { network, accepted, passes, expires } of networks) {
    const left = formatDuration(Math.ceil((expires - now) / 60_000) * 60_000)
    run.print(`${network}  ${passes ? 'passes' : `${accepted} of ${proven} messages`}  forgotten in ${left}`)
  }
  if (networks.length === 0) run.print('no network is known')
}

async function allow(run: CommandRun, state: State, now: number, terms: Terms): Promise<void> {
  const network = networkOf(run.args[0]!)
  const { for: time } = run.options
  const forMs = typeof time === 'string' ? parseDuration(time) : terms.rememberMs
  if (forMs === undefined || forMs <= 0) throw new CommandError(`expected a time like 30d for --for, got ${time}`, 2)
  await prove(state, network, terms.proven, now, now + forMs)
  run.print(`${network} passes for ${formatDuration(forMs)} from its last mail on`)
}

/** An address, or the very networks we count by. */
function networkOf(text: string): string {
  const [address, bits] = text.split('/', 2)
  const network = networkAround(address!)
  if (network === undefined || (bits !== undefined && !network.endsWith(`/${bits}`))) {
    throw new CommandError(
      `expected an address, or a network of /24 (IPv4) or /64 (IPv6), got ${text}; larger ones are a matter of access.yaml`,
      2,
    )
  }
  return network
}
