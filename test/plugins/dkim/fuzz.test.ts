/** Mail made of whatever breaks readers of header and body: signed by us, it verifies by everybody else's code. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import type { Hook, JobView, NewField } from '../../../core/api/index.js'
import { setUp } from '../../../core/testing/index.js'
import { foldField, writeDkimRecord } from '../../../core/text/index.js'
import dkim from '../../../plugins/dkim/index.js'
import { makeKey, putKey } from '../../../plugins/dkim/keygen.js'
import { VERIFIERS } from '../../harness/dkim-verifiers.js'

const runs = Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 150)

// No octet 0xA0 in headers: mailauth takes it for white space. No bare CR or LF: no such mail comes this
// far. No NUL: OpenDKIM's test mode ends there.
const part = fc.constantFrom(
  ' ',
  '\t',
  '  ',
  '=',
  ';',
  ':',
  'b=',
  'v=1',
  '"',
  '\\',
  '(',
  'a',
  'word',
  '\xc3\xbc',
  '\xff',
  'x'.repeat(90),
  ',',
  '<',
  '=?utf-8?q?x?=',
)
const line = fc.array(part, { maxLength: 8 }).map(parts => parts.join(''))
const value = fc
  .array(line, { minLength: 1, maxLength: 4 })
  // folded only where something follows that is no white space: an empty line would end the header for some
  .map(lines => lines.map(one => `${one}.`).join('\r\n '))
const names = fc.constantFrom(
  'Subject',
  'SUBJECT',
  'To',
  'Cc',
  'X-Other',
  'Date',
  'List-Id',
  'Reply-To',
  'Content-Type',
  'References',
)
const header = fc
  .array(fc.tuple(names, value), { maxLength: 8 })
  .map(fields => fields.map(([name, text]) => `${name}: ${text}\r\n`).join(''))
const bodyLine = fc.oneof(line, fc.constantFrom('', '', '.', '..', ' ', '\t ', '--x', 'From x', '\xa0'))
const body = fc.array(bodyLine, { maxLength: 12 }).map(lines => lines.map(one => `${one}\r\n`).join(''))
const mails = fc.tuple(header, header, body, fc.boolean()).map(([above, below, text, ended]) => {
  const whole = `${above}From: A <a@us.test>\r\n${below}\r\n${text}`
  return Buffer.from(ended || text === '' ? whole : `${whole}no end`, 'latin1')
})

describe('mail of any form', () => {
  let dataDir: string
  let sign: Hook<'sign'>
  let call: Parameters<Hook<'sign'>>[1]
  const records = new Map<string, string>()

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'posthouse-dkim-fuzz-'))
    for (const type of ['rsa', 'ed25519'] as const) {
      const key = await makeKey(type, 1024)
      await putKey(join(dataDir, 'dkim/us.test', `${type}.pem`), key, dataDir)
      records.set(`${type}._domainkey.us.test`, writeDkimRecord(key))
    }
    const made = await setUp(dkim, { config: { activate: 'now' }, server: { dataDir } })
    sign = made.hooks.sign!
    call = made.call
  })
  after(() => rm(dataDir, { recursive: true, force: true }))

  async function signed(octets: Buffer, piece: number): Promise<Buffer> {
    const chunks = async function* () {
      for (let at = 0; at < octets.length; at += piece) yield octets.subarray(at, at + piece)
    }
    const asked = { job: { id: 'x', submitter: 'local' } as JobView, read: async () => octets, chunks }
    const fields = (await sign(asked, call)) as readonly NewField[]
    return Buffer.concat([...fields.map(({ name, value: text }) => Buffer.from(foldField(name, text))), octets])
  }

  for (const verifier of VERIFIERS)
    test(`verifies by ${verifier.name}`, { skip: verifier.missing }, async () => {
      const samples = fc.sample(fc.tuple(mails, fc.integer({ min: 1, max: 200 })), { numRuns: runs })
      const out = await Promise.all(samples.map(([mail, piece]) => signed(mail, piece)))
      const findings = await verifier.verify(out, records)
      const wanted = verifier.rsaOnly ? 1 : 2
      const wrong = findings.flatMap((found, i) =>
        found.filter(one => one === true).length >= wanted ? [] : [{ found, mail: out[i]!.toString('latin1') }],
      )
      assert.deepEqual(wrong.slice(0, 3), [])
    })
})
