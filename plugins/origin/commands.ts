/** `posthouse origin check`: what is told of a mail in a file, in sentences. Nothing is remembered by it. */
import { isIP } from 'node:net'
import {
  type Command,
  CommandError,
  type CommandRun,
  type DomainFacts,
  type Finding,
  type Hop,
  type Message,
  type OriginFacts,
  type Resolver,
  type ReverseName,
  readMailFile,
  troubleOf,
  within,
} from 'posthouse/api'
import { formatDate, NetworkSet, printable } from 'posthouse/text'
import { findingsFrom, type Judging } from './findings.js'
import { type Arrival, type GatherParts, gather } from './gather.js'

const MAX_NAMES = 10

export interface CommandParts {
  readonly parts: GatherParts
  readonly judging: () => Omit<Judging, 'greetingJudged'>
  readonly dns: Resolver
  readonly signal: AbortSignal
  readonly messageOf: (bytes: Buffer) => Message
}

export function originCommands(parts: CommandParts): readonly Command[] {
  return [
    {
      name: 'origin check',
      summary: 'say what the names and trace fields of a mail tell, and what is odd about them',
      usage: 'FILE',
      arity: [1, 1],
      options: {
        ip: { type: 'string', value: 'ADDRESS', description: 'of the client; left out: nothing is said of it' },
        helo: { type: 'string', value: 'NAME', description: 'that the client gave' },
        reverse: { type: 'string', value: 'NAME', description: 'of the address; left out: it is looked up' },
        from: { type: 'string', value: 'DOMAIN', description: 'of MAIL FROM' },
      },
      run: run => check(run, parts),
    },
  ]
}

async function check(run: CommandRun, { parts, judging, dns, signal, messageOf }: CommandParts): Promise<void> {
  const message = messageOf(await readMailFile(run.args[0]!))
  const gathered = await gather(arrivalOf(run, message, dns, signal, parts.terms.withinMs), parts)
  const findings = findingsFrom(gathered, message, { ...judging(), greetingJudged: false })
  if (run.json) return run.print(JSON.stringify({ ...plain(gathered.facts), findings }, null, 2))
  for (const line of sentences(gathered.facts, findings)) run.print(line)
}

function arrivalOf(run: CommandRun, message: Message, dns: Resolver, signal: AbortSignal, ms: number): Arrival {
  const { ip, helo, reverse, from } = run.options
  if (ip === undefined && (helo ?? reverse) !== undefined)
    throw new CommandError('--helo and --reverse tell of a client: say its address with --ip')
  if (ip !== undefined && isIP(String(ip)) === 0) throw new CommandError(`--ip ${ip}: expected an IP address`)
  const address = String(ip)
  return {
    message,
    ...(from !== undefined && { sender: String(from).replace(/^.*@/, '') }),
    ...(ip !== undefined && {
      client: {
        address,
        ...(helo !== undefined && { helo: String(helo) }),
        reverse: async () =>
          reverse === undefined
            ? await lookUp(address, dns, signal, ms)
            : { kind: 'confirmed', name: String(reverse).toLowerCase() },
      },
    }),
  }
}

/** As `Session.reverse` does for clients. */
async function lookUp(address: string, dns: Resolver, outer: AbortSignal, ms: number): Promise<ReverseName> {
  if (!dns.configured) return { kind: 'unknown', why: 'no name servers are configured' }
  const here = new NetworkSet([address])
  const isConfirmed = async (name: string, signal: AbortSignal) =>
    (await (isIP(address) === 6 ? dns.aaaa(name, signal) : dns.a(name, signal))).some(one => here.has(one))
  try {
    return await within(ms, outer, async signal => {
      const names = (await dns.ptr(address, signal)).slice(0, MAX_NAMES)
      for (const name of names) if (await isConfirmed(name, signal)) return { kind: 'confirmed', name }
      return names.length === 0 ? { kind: 'none' } : { kind: 'unconfirmed', names }
    })
  } catch (error) {
    return { kind: 'unknown', why: troubleOf(error) }
  }
}

function plain(facts: OriginFacts): object {
  const domain = (one: DomainFacts | undefined) => one && { ...one, traits: [...one.traits] }
  const { from, sender, replyTo, links } = facts
  return {
    ...facts,
    ...{ from: domain(from), sender: domain(sender), replyTo: domain(replyTo), links: links.map(domain) },
  }
}

function* sentences(facts: OriginFacts, findings: readonly Finding[]): Generator<string> {
  const { from, sender, replyTo, links, client, hops } = facts
  yield from === undefined ? 'From names nobody.' : `From: ${domainWords(from)}.`
  if (sender !== undefined) yield `MAIL FROM: ${domainWords(sender)}.`
  if (replyTo !== undefined) yield `Reply-To: ${domainWords(replyTo)}.`
  for (const link of links) yield `A link leads to ${domainWords(link)}.`
  if (client !== undefined) {
    const straight = client.direct ? ', and no server had the mail before' : ''
    yield `The client ${client.address} is ${reverseWords(client.reverse)}${client.look === undefined ? '' : ` (${client.look})`}${straight}.`
  }
  yield hops.length === 0 ? 'There is no Received field.' : 'The way it says it took, the newest first:'
  for (const hop of hops) yield `  ${hopWords(hop)}`
  yield findings.length === 0 ? 'Nothing is odd.' : 'What is odd:'
  for (const { name, points, says } of findings) yield `  ${points}  ${name}: ${says}.`
}

function domainWords({ name, organisation, traits }: DomainFacts): string {
  const of = organisation === name ? '' : ` of ${printable(organisation, 120)}`
  return `${printable(name, 120)}${of}${traits.size === 0 ? '' : ` (${[...traits].join(', ')})`}`
}

function reverseWords(reverse: ReverseName): string {
  switch (reverse.kind) {
    case 'confirmed':
      return printable(reverse.name, 255)
    case 'unconfirmed':
      return `said to be ${printable(reverse.names.join(', '), 255)}, which does not lead back`
    case 'none':
      return 'a host without a name'
    case 'unknown':
      return `of a name that is not known (${printable(reverse.why, 120)})`
  }
}

function hopWords({ helo, reverse, address, by, protocol, at }: Hop): string {
  const shown = (text: string) => printable(text, 120)
  const found = [reverse, address].filter(one => one !== undefined).map(shown)
  const from = helo === undefined && found.length === 0 ? '' : `from ${shown(helo ?? '?')} (${found.join(' ') || '?'}) `
  const how = protocol === undefined ? '' : ` with ${shown(protocol)}`
  return `${from}by ${shown(by ?? '?')}${how}${at === undefined ? '' : `, ${formatDate(at)}`}`
}
