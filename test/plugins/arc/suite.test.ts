/**
 * The published suites for chains (ARC), before our plugin: their keys are served by our test DNS and asked for by our resolver. Of the suite for
 * sealing the octets that are signed are compared, and what our own seal says; the order of its tags is ours.
 */
import assert from 'node:assert/strict'
import { createPrivateKey, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import type { JobView, NewField } from '../../../core/api/index.js'
import { aMessage, anEnvelope, aSession, setUp } from '../../../core/testing/index.js'
import { digestMessage, headerInput, readTagList, scanHeader, signatureInput } from '../../../core/text/index.js'
import { readChain } from '../../../plugins/arc/chain.js'
import arc from '../../../plugins/arc/index.js'
import { parts } from '../../../plugins/arc/results.js'
import { sealInput } from '../../../plugins/arc/seal-input.js'
import { dataDir } from '../../harness/data.js'
import { type DnsServer, startDnsServer } from '../../harness/dns-server.js'
import { patientResolver } from '../../harness/patient-resolver.js'

const folder = dataDir('auth')
const skip = folder === undefined && 'needs shared/data'

interface Scenario<T> {
  readonly description: string
  readonly tests: Readonly<Record<string, T>>
  readonly domain: string
  readonly sel: string
  readonly privatekey: string
  readonly 'txt-records': Readonly<Record<string, string>>
}

interface ValidationCase {
  readonly message: string
  /** Nothing: the suite leaves it open. */
  readonly cv: 'Pass' | 'Fail' | 'None' | ''
}

interface SigningCase {
  readonly message: string
  readonly 'sig-headers': string
  readonly 'srv-id': string
  readonly AS: string
  readonly AMS: string
  readonly AAR: string
}

/** Cases in which we say something else, each with the reason. */
const EXCEPT: ReadonlyMap<string, string> = new Map([
  ['ams_fields_h_empty', 'RFC 6376 §5.4: what does not cover From says nothing of the author'],
  ['ams_fields_c_na', 'without c= it is simple/simple (RFC 6376 §3.5), and what is signed is relaxed/relaxed'],
])

function scenarios<T>(name: string): readonly Scenario<T>[] {
  if (folder === undefined) return []
  return parseAllDocuments(readFileSync(join(folder, 'arc/valimail/tests', name), 'utf8'), { uniqueKeys: false })
    .map(document => document.toJS() as Scenario<T> | null)
    .filter(scenario => scenario !== null)
}

async function setUpWith(server: DnsServer, name: string, keys: readonly object[] = []) {
  const dns = patientResolver(server)
  return setUp(arc, { services: { 'signing-keys': { inUse: async () => keys as never } }, dns, server: { name } })
}

function serving({ 'txt-records': records }: Scenario<unknown>): Promise<DnsServer> {
  return startDnsServer(Object.fromEntries(Object.entries(records).map(([name, text]) => [name, { txt: [text] }])))
}

describe('the suite for validation', { skip }, () => {
  for (const scenario of scenarios<ValidationCase>('arc-draft-validation-tests.yml'))
    describe(scenario.description, () => {
      let server: DnsServer
      before(async () => {
        server = await serving(scenario)
      })
      after(() => server.close())

      for (const [name, { message, cv }] of Object.entries(scenario.tests))
        test(EXCEPT.has(name) ? `${name}, otherwise: ${EXCEPT.get(name)}` : name, async () => {
          const { hooks, call } = await setUpWith(server, 'us.test')
          const verdict = { findings: [], sum: 0 }
          const asked = { session: aSession(), envelope: anEnvelope(), message: aMessage(message), verdict }
          const said = ((await hooks.headers!(asked, call)) as NewField | undefined)?.value
          const found = said === undefined ? 'none' : /; arc=(pass|fail)\b/.exec(said)![1]!
          // What is left open are chains whose seals say themselves that they have failed.
          const wanted = cv === '' ? 'fail' : cv.toLowerCase()
          if (EXCEPT.has(name)) return assert.notEqual(found, wanted, 'no exception any more')
          assert.equal(found, wanted, said)
        })
    })
})

/** Fields that our plugins would have put in front, as text, and the rest of the mail. */
function withoutOurs(text: string, server: string): { readonly prefix: string; readonly mail: Buffer } {
  const octets = Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'latin1')
  const ours = scanHeader(octets).fields.filter(
    ({ name, raw }) => name.toLowerCase() === 'authentication-results' && parts(raw)[0]!.trim() === server,
  )
  const cut = ours.map(({ start, end }) => octets.subarray(start, end))
  const edges = [...ours.flatMap(({ start, end }) => [start, end])]
  const kept = [0, ...edges].flatMap((from, i, all) => (i % 2 === 0 ? [octets.subarray(from, all[i + 1])] : []))
  return { prefix: Buffer.concat(cut).toString('latin1'), mail: Buffer.concat(kept) }
}

const OF_SEAL = ['i', 'a', 'cv', 'd', 's']
const OF_SIGNATURE = ['i', 'a', 'c', 'd', 's', 'bh']

async function* oneBy(octets: Buffer) {
  yield octets
}

/** The values of some tags. */
const tagged = (value: string, names: readonly string[]) => {
  const tags = readTagList(value.replace(/\r?\n/g, ' '))!
  return names.map(name => `${name}=${tags.get(name)}`)
}
/** README of the suite: no white space, but one space behind a semicolon. */
const standard = (text: string) => text.replace(/\s/g, '').replace(/;(?!$)/g, '; ')
const plain = (text: string) => parts(text.replace(/\s+/g, ' ')).join('; ')

describe('the suite for sealing', { skip }, () => {
  for (const scenario of scenarios<SigningCase>('arc-draft-sign-tests.yml'))
    describe(scenario.description, () => {
      let server: DnsServer
      before(async () => {
        server = await serving(scenario)
      })
      after(() => server.close())
      const secret = createPrivateKey(scenario.privatekey)
      const key = {
        ...{ domain: scenario.domain, selector: scenario.sel, algorithm: 'rsa-sha256', signatureBytes: 128 },
        sign: async (octets: Buffer) => sign('sha256', octets, secret),
      }

      async function sealed(one: SigningCase) {
        const { prefix, mail } = withoutOurs(one.message, one['srv-id'])
        const { hooks, call } = await setUpWith(server, one['srv-id'], [key])
        const octets = Buffer.concat([Buffer.from(prefix, 'latin1'), mail])
        const job = { id: 'x.1', prefix, recipients: [{ tries: 0 }] } as unknown as JobView
        const asked = { job, read: async () => octets, chunks: () => oneBy(octets) }
        return ((await hooks.sign!(asked, call)) ?? []) as readonly NewField[]
      }

      for (const [name, one] of Object.entries(scenario.tests)) {
        test(`${name}: our set says the same`, async () => {
          const fields = await sealed(one)
          if (one.AS === '') return assert.deepEqual(fields, [])
          const [seal, signature, results] = fields.map(({ value }) => value) as [string, string, string]
          assert.deepEqual(tagged(seal, OF_SEAL), tagged(one.AS, OF_SEAL))
          assert.deepEqual(tagged(signature, OF_SIGNATURE), tagged(one.AMS, OF_SIGNATURE))
          assert.equal(plain(results), plain(one.AAR))
        })

        // There is nothing to look at where nothing is sealed.
        if (one.AS === '') continue
        test(`${name}: the same octets are signed`, async () => {
          const octets = Buffer.from(one.message.replace(/\r?\n/g, '\r\n'), 'latin1')
          const digest = await digestMessage(oneBy(octets), () => ['relaxed'])
          const signature = `ARC-Message-Signature: ${standard(one.AMS)}\r\n`
          const input =
            headerInput(digest, one['sig-headers'].split(':'), 'relaxed') + signatureInput(signature, 'relaxed')
          assert.equal(sign('sha256', Buffer.from(input, 'latin1'), secret).toString('base64'), bOf(one.AMS))
          const results = `ARC-Authentication-Results: ${plain(one.AAR)}\r\n`
          const own = { results, signature, seal: `ARC-Seal: ${standard(one.AS)}\r\n` }
          const chain = readChain(digest)
          const sets = chain.kind === 'sets' && !/cv=fail/.test(one.AS) ? chain.sets : []
          const before = sets.map(set => ({
            ...{ results: set.results.text, signature: set.signature.text, seal: set.seal.text },
          }))
          assert.equal(sign('sha256', sealInput([...before, own]), secret).toString('base64'), bOf(one.AS))
        })
      }
    })
})

function bOf(value: string): string {
  return readTagList(value.replace(/\r?\n/g, ' '))!.get('b')!.replace(/\s/g, '')
}
