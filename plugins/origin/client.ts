/** What is known of the client itself: its greeting beside the name of its address, and what that name looks like. Pure. */
import { isIP } from 'node:net'
import type { ClientFacts, ReverseName } from 'posthouse/api'
import { organisationOf, printable } from 'posthouse/text'
import type { Evidence } from './chain.js'
import { providerOf } from './providers.js'
import { lookOf } from './reverse-look.js'

export interface ClientSeen {
  readonly address: string
  readonly helo?: string
  readonly reverse: ReverseName
  /** Received fields below ours, or below that of a relay that is believed. */
  readonly hops: number
}

export function clientFacts({ address, helo, reverse, hops }: ClientSeen): ClientFacts {
  const name = nameOf(reverse)
  return {
    ...{ address, reverse, direct: hops === 0 },
    ...(helo !== undefined && { helo }),
    ...(name !== undefined && { look: lookOf(name, address) }),
  }
}

/** `greetingJudged`: whoever judges greetings has done so. */
export function* clientEvidence(client: ClientFacts, greetingJudged: boolean): Generator<Evidence> {
  if (!greetingJudged) yield* syntaxOf(client.helo)
  yield* againstReverse(client)
  const { look, direct, address, reverse } = client
  const name = printable(nameOf(reverse) ?? '', 120)
  if (direct && look === 'dynamic')
    yield ['direct_dynamic', `Straight from ${name} (${address}), by its name a line of a customer`]
  else if (direct && look === 'numbered')
    yield ['direct_numbered', `Straight from ${name} (${address}), by its name one of many`]
  else if (look === 'dynamic')
    yield ['relayed_dynamic', `It came from ${name} (${address}), by its name a line of a customer`]
}

function* syntaxOf(helo: string | undefined): Generator<Evidence> {
  if (helo === undefined || helo.startsWith('[')) return
  const shown = printable(helo, 120)
  if (isIP(helo) !== 0) yield ['helo_bare_address', `The client calls itself by a bare address: ${shown}`]
  else if (!/.\../.test(helo)) yield ['helo_no_name', `The client does not name itself properly: ${shown}`]
}

function* againstReverse({ helo, reverse, address }: ClientFacts): Generator<Evidence> {
  if (helo === undefined || helo.startsWith('[') || isIP(helo) !== 0 || !/.\../.test(helo)) return
  // A name that is not confirmed may be true all the same, and hosts of large providers have been seen without any.
  if (reverse.kind !== 'confirmed' || organisationOf(reverse.name) === organisationOf(helo)) return
  const shown = printable(helo, 120)
  const family = providerOf(helo)
  if (family !== undefined && providerOf(reverse.name) === family) return
  const really = printable(reverse.name, 120)
  if (family !== undefined) yield ['helo_forged', `The client calls itself ${shown}, but ${address} is ${really}`]
  else yield ['helo_differs', `The client calls itself ${shown}, its address ${address} is ${really}`]
}

function nameOf(reverse: ReverseName): string | undefined {
  switch (reverse.kind) {
    case 'confirmed':
      return reverse.name
    case 'unconfirmed':
      return reverse.names[0]
    case 'none':
    case 'unknown':
      return undefined
  }
}
