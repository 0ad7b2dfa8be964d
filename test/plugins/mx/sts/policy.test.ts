/** Reading what domains publish about their mail hosts (RFC 8461 §3.1, §3.2, §4.1): right, odd, broken and hostile. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReadError } from '../../../../core/text/index.js'
import { isNamed, readPolicy, readRecord } from '../../../../plugins/mx/sts/policy.js'

describe('the TXT record', () => {
  for (const [texts, id] of [
    [['v=STSv1; id=20160831085700Z;'], '20160831085700Z'],
    [['v=STSv1;id=a'], 'a'],
    [['v=STSv1 \t; id=a ; '], 'a'],
    [['v=STSv1; id=a  '], 'a'],
    [['v=STSv1; x.y-z=$%; id=a; id=b'], 'a'],
    [['something else', 'v=STSv1; id=a', 'v=spf1 -all'], 'a'],
    [['v=STSv1; id=a', 'v=STSv1; id=a'], undefined],
    [[], undefined],
    [['v=STSv1'], undefined],
    [['v=STSv1;'], undefined],
    [['v=STSv1; x=y'], undefined],
    [['v=STSv2; id=a'], undefined],
    [['v=stsv1; id=a'], undefined],
    [[' v=STSv1; id=a'], undefined],
    [['id=a; v=STSv1;'], undefined],
    [['v=STSv1; id='], undefined],
    [['v=STSv1; id=a-b'], undefined],
    [[`v=STSv1; id=${'a'.repeat(33)}`], undefined],
    [['v=STSv1; ; id=a'], undefined],
    [['v=STSv1; id=a b'], undefined],
  ] as const) {
    test(`${JSON.stringify(texts).slice(0, 60)} has ${id ?? 'no id'}`, () => {
      assert.equal(readRecord(texts), id)
    })
  }
})

const GOOD =
  'version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.Example.net\r\nmax_age: 604800\r\nfuture-1: ä b\r\n'

describe('the policy', () => {
  const all = { mode: 'enforce', maxAgeSeconds: 604_800, mx: ['mail.example.com', '*.example.net'] }
  for (const [what, text, expected] of [
    ['as it should be', GOOD, all],
    ['with LF alone', GOOD.replaceAll('\r\n', '\n'), all],
    ['without a last line end', GOOD.trimEnd(), all],
    ['with space behind values and between lines', GOOD.replaceAll('\r\n', ' \t\r\n\r\n'), all],
    ['without space before values', GOOD.replaceAll(': ', ':'), all],
    ['whose fields come twice: the first counts', `${GOOD}mode: none\r\nmax_age: 1\r\nversion: x\r\n`, all],
    ['longer than a year', GOOD.replace('604800', '9999999999'), { ...all, maxAgeSeconds: 31_557_600 }],
    [
      'of mode none without hosts',
      'version: STSv1\nmode: none\nmax_age: 0',
      { mode: 'none', maxAgeSeconds: 0, mx: [] },
    ],
  ] as const) {
    test(`is read ${what}`, () => {
      assert.deepEqual(readPolicy(text), expected)
    })
  }

  for (const [what, text] of [
    ['nothing', ''],
    ['a page', '<html>'],
    ['another version', GOOD.replace('STSv1', 'STSv2')],
    ['no version', GOOD.replace('version: STSv1\r\n', '')],
    ['no mode', GOOD.replace('mode: enforce\r\n', '')],
    ['another mode', GOOD.replace('enforce', 'Enforce')],
    ['a longer mode', GOOD.replace('enforce', 'enforced')],
    ['no max_age', GOOD.replace('max_age: 604800\r\n', '')],
    ['an odd max_age', GOOD.replace('604800', '-1')],
    ['a huge max_age', GOOD.replace('604800', '99999999999')],
    ['no mx', GOOD.replaceAll(/mx: .*\r\n/g, '')],
    ['a wildcard inside', GOOD.replace('*.E', 'a.*.E')],
    ['a half wildcard', GOOD.replace('*.E', 'a*.E')],
    ['a wildcard alone', GOOD.replace('*.Example.net', '*')],
    ['two hosts in a line', GOOD.replace('mail.example.com', 'a.example.com b.example.com')],
    ['a U-label', GOOD.replace('mail.example', 'bücher.example')],
    ['a control character', `${GOOD}x: \x1b[31m\r\n`],
    ['a line without a colon', `${GOOD}what\r\n`],
  ] as const) {
    test(`is not believed with ${what}`, () => {
      assert.throws(() => readPolicy(text), ReadError)
    })
  }

  test('of the greatest size is read quickly, be it good or not', () => {
    for (const line of ['mx: a\n', ':', '-', 'a', ' ', '*.a.', 'mx: a-'])
      assert.throws(() => readPolicy(line.repeat(Math.floor(65_536 / line.length))), ReadError)
    assert.equal(readRecord([`v=STSv1; ${' '.repeat(8000)}x`]), undefined)
  })
})

for (const [host, pattern, named] of [
  ['mail.example.com', 'mail.example.com', true],
  ['mail.example.com', '*.example.com', true],
  ['example.com', '*.example.com', false],
  ['foo.bar.example.com', '*.example.com', false],
  ['mail.example.com', 'example.com', false],
  ['xmail.example.com', 'mail.example.com', false],
  ['localhost', '*.localhost', false],
] as const) {
  test(`${host} is ${named ? '' : 'not '}meant by ${pattern}`, () => {
    assert.equal(isNamed(host, ['other.test', pattern]), named)
  })
}
