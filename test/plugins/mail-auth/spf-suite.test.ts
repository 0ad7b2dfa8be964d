/**
 * The published suite of RFC 7208, and the cases that came up in implementations, before our own check: their zones are served by our test
 * DNS and asked for by our resolver, so that what is proved is the way that mail takes.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { reversedLabels } from '../../../core/text/index.js'
import { checkHost } from '../../../plugins/mail-auth/spf/check.js'
import { dataDir } from '../../harness/data.js'
import { type DnsServer, startDnsServer, type ZoneEntry } from '../../harness/dns-server.js'
import { patientResolver } from '../../harness/patient-resolver.js'

const folder = dataDir('auth')
const skip = folder === undefined && 'needs shared/data'

interface Case {
  readonly host: string
  readonly helo: string
  readonly mailfrom: string
  readonly result: string | readonly string[]
  readonly explanation?: string
}

interface Scenario {
  readonly description: string
  readonly tests: Readonly<Record<string, Case>>
  readonly zonedata: Readonly<Record<string, readonly (string | Readonly<Record<string, unknown>>)[]>>
}

/** Cases in which we say something else, each with the reason. */
const EXCEPT: ReadonlyMap<string, string> = new Map([
  ['default-modifier', 'default= is of pyspf alone; to RFC 7208 §6 it is an unknown modifier, which is passed over'],
  ['default-modifier-harsh', 'the same, and "ambiguous" is no result of RFC 7208'],
])

/** What fails only for types that have no record of their own, where the suite says TIMEOUT. */
const TYPES = ['A', 'AAAA', 'MX', 'TXT', 'PTR', 'CNAME']

function zone(rows: Scenario['zonedata'][string]): ZoneEntry {
  const of = (type: string) => rows.flatMap(row => (typeof row === 'object' && type in row ? [row[type]] : []))
  const text = (value: unknown) => (Array.isArray(value) ? value.join('') : String(value))
  // A record of type SPF stands for a TXT one where there is none (README of the suite); TXT: NONE says that there is none.
  const txt = (of('TXT').length > 0 ? of('TXT') : of('SPF')).filter(value => value !== 'NONE').map(text)
  const [cname] = of('CNAME').map(value => String(value).replace(/\.$/, ''))
  const entry: ZoneEntry = {
    a: of('A').map(String),
    aaaa: of('AAAA').map(String),
    mx: of('MX') as (readonly [number, string])[],
    ptr: of('PTR').map(String),
    txt,
    ...(cname === undefined ? {} : { cname }),
  }
  // TXT: NONE is no record of its own either.
  const there = new Set(rows.flatMap(row => (typeof row === 'object' ? Object.keys(row) : [])))
  const silent = TYPES.filter(type => (type === 'TXT' ? txt.length === 0 : !there.has(type)))
  return rows.includes('TIMEOUT') ? { ...entry, fails: 'drop', failsFor: silent } : entry
}

function withReverse(zonedata: Scenario['zonedata']): Record<string, ZoneEntry> {
  return Object.fromEntries(
    Object.entries(zonedata).map(([name, rows]) => {
      const labels = reversedLabels(name)
      const suffix = labels?.split('.').length === 4 ? 'in-addr' : 'ip6'
      return [labels === undefined ? name : `${labels}.${suffix}.arpa`, zone(rows)]
    }),
  )
}

function scenarios(path: string): readonly Scenario[] {
  if (folder === undefined) return []
  return parseAllDocuments(readFileSync(join(folder, 'spf', path), 'utf8'), { uniqueKeys: false })
    .map(document => document.toJS() as Scenario | null)
    .filter(scenario => scenario !== null)
}

for (const path of ['mailauth/rfc7208-tests.yml', 'pyspf/rfc7208-tests.yml', 'pyspf/test.yml'])
  describe(`suite ${path}`, { skip }, () => {
    for (const scenario of scenarios(path))
      describe(scenario.description, () => {
        let server: DnsServer
        before(async () => {
          server = await startDnsServer(withReverse(scenario.zonedata))
        })
        after(() => server.close())

        for (const [name, one] of Object.entries(scenario.tests))
          test(EXCEPT.has(name) ? `${name}, otherwise: ${EXCEPT.get(name)}` : name, async () => {
            const dns = patientResolver(server)
            const at = one.mailfrom.lastIndexOf('@')
            const question = {
              ...{ ip: one.host, helo: one.helo },
              domain: one.mailfrom === '' ? one.helo : one.mailfrom.slice(at + 1),
              ...(at > 0 ? { local: one.mailfrom.slice(0, at) } : {}),
            }
            const explain = { receiver: 'mx.test', now: 0 }
            const found = await checkHost(question, { dns, signal: AbortSignal.timeout(20_000), explain })
            const isWanted = [one.result].flat().includes(found.result)
            if (EXCEPT.has(name)) return assert.ok(!isWanted, 'no exception any more')
            assert.ok(isWanted, `${found.result}, not ${one.result}: ${found.why}`)
            if (one.explanation === 'DEFAULT') assert.equal(found.explanation, undefined)
            else if (one.explanation !== undefined) assert.equal(found.explanation, one.explanation)
          })
      })
  })
