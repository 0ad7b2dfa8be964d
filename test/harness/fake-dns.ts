/** A resolver that knows what a table says, without a server. A name that is not in it does not exist. */
import { MailError, type Resolver } from '../../core/api/index.js'

export interface FakeEntry {
  readonly a?: readonly string[]
  readonly aaaa?: readonly string[]
  readonly mx?: readonly (readonly [preference: number, exchange: string])[]
  readonly txt?: readonly string[]
}

/** `trouble`: every question about it fails; `silence`: none is ever answered. */
export type FakeZone = Readonly<Record<string, FakeEntry | 'trouble' | 'silence'>>

export interface FakeDns extends Resolver {
  /** `a example.org`, in order. */
  readonly asked: readonly string[]
}

export function fakeDns(zone: FakeZone): FakeDns {
  const names = new Map(Object.entries(zone))
  const asked: string[] = []
  const find = async (question: string, name: string): Promise<FakeEntry> => {
    asked.push(`${question} ${name}`)
    const entry = names.get(name) ?? {}
    if (entry === 'silence') return new Promise(() => undefined)
    if (entry === 'trouble') throw new MailError('dns-unavailable', `${question.toUpperCase()} ${name}: SERVFAIL`)
    return entry
  }
  return {
    configured: true,
    asked,
    a: async name => (await find('a', name)).a ?? [],
    aaaa: async name => (await find('aaaa', name)).aaaa ?? [],
    txt: async name => (await find('txt', name)).txt ?? [],
    mx: async name => ((await find('mx', name)).mx ?? []).map(([preference, exchange]) => ({ preference, exchange })),
    ptr: async () => [],
  }
}
