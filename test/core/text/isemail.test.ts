/**
 * Dominic Sayers' address suite (isemail 3.05, BSD licence) against the reader of SMTP addresses. Its classes "valid", "no DNS record"
 * and "RFC 5321" are addresses SMTP may carry; comments, folding, obsolete forms and errors are not. Where we differ stands here, with why.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAddress } from '../../../core/text/index.js'
import { dataDir } from '../../harness/data.js'

const IN_SMTP = new Set(['ISEMAIL_VALID_CATEGORY', 'ISEMAIL_DNSWARN', 'ISEMAIL_RFC5321'])

const DIFFERENCES: readonly (readonly [id: string, ours: boolean, why: string])[] = [
  [
    '35',
    true,
    'test@iana.org. : a dot behind the domain is taken and dropped; clients send it, and it can mean one domain only',
  ],
  [
    '71',
    true,
    '[IPv6:…::8888] : "::" for a single group, which RFC 5321 §4.1.3 forbids and RFC 4291 §2.2 and every resolver take',
  ],
]

interface Case {
  readonly id: string
  readonly address: string
  readonly valid: boolean
}

const folder = dataDir('smtp')

test('the isemail suite is judged as RFC 5321 would, but for the listed differences', {
  skip: folder === undefined && 'needs shared/data',
}, () => {
  const cases = readCases(readFileSync(join(folder!, 'isemail/test/tests.xml'), 'utf8'))
  assert.equal(cases.length, 164)
  const found = cases
    .filter(({ address, valid }) => (parseAddress(address) !== undefined) !== valid)
    .map(({ id, valid }) => [id, !valid])
  assert.deepEqual(
    found,
    DIFFERENCES.map(([id, ours]) => [id, ours]),
  )
})

function readCases(xml: string): readonly Case[] {
  return [...xml.matchAll(/<test id="(\d+)">([\s\S]*?)<\/test>/g)].map(([, id, inside]) => ({
    id: id!,
    address: unescapeXml(/<address>([\s\S]*?)<\/address>/.exec(inside!)?.[1] ?? ''),
    valid: IN_SMTP.has(/<category>(.*?)</.exec(inside!)![1]!),
  }))
}

/** The suite writes control characters as their pictures, U+2400 and on. */
function unescapeXml(text: string): string {
  return text
    .replace(/&#x([0-9A-Fa-f]+);/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))
    .replace(/&#(\d+);/g, (_, digits: string) => String.fromCodePoint(Number(digits)))
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&apos;/g, "'")
    .replace(/&amp;/g, '&')
    .replace(/[\u2400-\u2421]/g, picture => String.fromCharCode(picture.charCodeAt(0) - 0x2400))
}
