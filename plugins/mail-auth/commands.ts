/** `posthouse mail-auth check`: what each check finds in a mail from a file, and why. */
import { isIP } from 'node:net'
import {
  type AuthFacts,
  type Command,
  CommandError,
  type CommandRun,
  type Message,
  type Resolver,
  readMailFile,
} from 'posthouse/api'
import { parseAddress } from 'posthouse/text'
import { iprevOf, lookUpReverse } from './iprev.js'
import { resultsField } from './results.js'
import type { Arrival } from './verify.js'

export interface CommandParts {
  readonly dns: Resolver
  readonly server: string
  readonly messageOf: (bytes: Buffer) => Message
  readonly verify: (arrival: (signal: AbortSignal) => Arrival) => Promise<AuthFacts>
}

export function mailAuthCommands(parts: CommandParts): readonly Command[] {
  return [
    {
      name: 'mail-auth check',
      summary: 'say what SPF, DKIM, DMARC and iprev find in a mail, and why',
      usage: 'FILE',
      arity: [1, 1],
      options: {
        ip: { type: 'string', value: 'ADDRESS', description: 'of the client; left out: neither SPF nor iprev' },
        from: { type: 'string', value: 'ADDRESS', description: 'of MAIL FROM; left out: the null sender' },
        helo: { type: 'string', value: 'NAME', description: 'that the client gave' },
      },
      run: run => check(run, parts),
    },
  ]
}

async function check(run: CommandRun, parts: CommandParts): Promise<void> {
  if (!parts.dns.configured) throw new CommandError('no name servers are configured: set dns.servers in server.yaml')
  const { sender, arrival } = await arrivalOf(run, parts)
  const facts = await parts.verify(arrival)
  const field = resultsField(parts.server, facts, sender)
  if (run.json) return run.print(JSON.stringify({ ...facts, authenticationResults: field }, null, 2))
  for (const line of sentences(facts)) run.print(line)
  run.print('')
  run.print(`Authentication-Results: ${field}`)
}

async function arrivalOf(run: CommandRun, { messageOf, dns }: CommandParts) {
  const { ip, from, helo = '' } = run.options
  const sender = from === undefined || from === '' ? null : parseAddress(String(from))
  if (sender === undefined) throw new CommandError(`--from ${from}: expected an address such as a@example.org`)
  if (ip !== undefined && isIP(String(ip)) === 0) throw new CommandError(`--ip ${ip}: expected an IP address`)
  const message = messageOf(await readMailFile(run.args[0]!))
  const address = String(ip)
  const arrival = (signal: AbortSignal): Arrival => ({
    ...{ message, id: 'command', sender },
    ...(ip !== undefined && {
      client: {
        ...{ address, helo: String(helo) },
        iprev: async () => iprevOf(address, await lookUpReverse(address, dns, signal)),
      },
    }),
  })
  return { sender, arrival }
}

function sentences({ iprev, helo, mailFrom, dkim, dmarc, vouching, questions }: AuthFacts): readonly string[] {
  const line = (what: string, found: { readonly result: string; readonly why: string }) =>
    `${what} ${found.result}: ${found.why}.`
  return [
    ...(iprev === undefined ? [] : [line('iprev', iprev)]),
    ...(helo === undefined ? [] : [line('SPF of HELO', helo)]),
    ...(mailFrom === undefined ? [] : [line('SPF of MAIL FROM', mailFrom)]),
    ...(dkim.length === 0 ? ['DKIM none: there is no signature.'] : dkim.map(one => line('DKIM', one))),
    line('DMARC', dmarc),
    vouching.length === 0 ? 'Nobody vouches for it.' : `Vouched for by ${vouching.join(', ')}.`,
    `${questions} questions to the name service.`,
  ]
}
