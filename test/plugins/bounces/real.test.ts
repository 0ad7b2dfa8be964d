/**
 * Real bounces of some seventy systems (`mime/sisimai-bounces` of the shared data): each is understood, or we say why not. What is
 * understood is checked against the mail itself: whoever failed must be named in it, and not be the one who is told.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { filesIn } from '../../../core/config/files.js'
import { classify } from '../../../core/replies/classify.js'
import { readReplyRules } from '../../../core/replies/read.js'
import { readBounce } from '../../../plugins/bounces/reader/read.js'
import type { Reading } from '../../../plugins/bounces/reader/reading.js'
import { dataDir } from '../../harness/data.js'
import { ROOT } from '../../harness/shared.js'

const folder = dataDir('mime')
const skip = folder === undefined ? 'the shared data is not here' : false

interface Mail {
  readonly name: string
  readonly bytes: Buffer
  readonly reading: Reading
}

let all: readonly Mail[] | undefined

function mails(): readonly Mail[] {
  if (all !== undefined) return all
  const root = join(folder!, 'sisimai-bounces')
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name !== 'UPSTREAM_LICENSE')
    .map(entry => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort()
  all = files.map(name => {
    const bytes = readFileSync(join(root, name))
    return { name, bytes, reading: readBounce(bytes) }
  })
  return all
}

/** No mails, no bounces, or bounces that somebody forwarded by hand. */
const OTHERS: Readonly<Record<string, Reading['kind']>> = {
  'mailbox/size-0': 'none',
  'mailbox/size-1': 'none',
  'mailbox/size-2': 'none',
  // an answer to "unsubscribe", though it lies among complaints
  'maildir/bsd/arf-26.eml': 'auto-reply',
  // a list tells that only members may write
  'maildir/bsd/lhost-fml-02.eml': 'none',
  'maildir/bsd/lhost-fml-03.eml': 'none',
  'maildir/bsd/lhost-sendmail-14.eml': 'none',
  'maildir/err/make-test-36.eml': 'none',
  'maildir/not/is-not-bounce-01.eml': 'none',
  'maildir/not/is-not-bounce-02.eml': 'none',
}

function expected(name: string): Reading['kind'] {
  if (name in OTHERS) return OTHERS[name]!
  if (name.startsWith('obsoleted/')) return 'none'
  if (name.includes('/rfc3834-')) return 'auto-reply'
  return name.includes('/arf-') || name.endsWith('lhost-amazonses-11.eml') ? 'complaint' : 'bounce'
}

describe('real bounces', { skip }, () => {
  test('are all there', () => {
    assert.ok(mails().length >= 860, `${mails().length} mails`)
  })

  test('are known for what they are, each of them', () => {
    const wrong = mails().filter(({ name, reading }) => reading.kind !== expected(name))
    assert.deepEqual(
      wrong.map(({ name, reading }) => `${name}: ${reading.kind}`),
      [],
    )
  })

  test('name whoever failed as the mail does', () => {
    const wrong = mails().flatMap(({ name, bytes, reading }) => {
      if (reading.kind !== 'bounce') return []
      const text = bytes
        .toString('latin1')
        .replace(/=\r*\n/g, '')
        .toLowerCase()
      if (/^content-transfer-encoding: *base64/m.test(text)) return []
      return reading.recipients
        .filter(({ address }) => /^[!-~]+$/.test(address) && !text.includes(address.toLowerCase().split('@')[0]!))
        .map(({ address }) => `${name}: ${address}`)
    })
    assert.deepEqual(wrong, [])
  })

  test('do not take the one who is told for the one who failed', () => {
    const told = mails().flatMap(({ name, bytes, reading }) => {
      if (reading.kind !== 'bounce' || reading.form !== 'text') return []
      const to = /^To: *(?:.*<)?([^\s<>]+@[^\s<>]+)/im.exec(bytes.toString('latin1'))?.[1]?.toLowerCase()
      return reading.recipients.some(({ address }) => address.toLowerCase() === to) ? [name] : []
    })
    // who wrote to themselves, and one where every address was made the same
    assert.deepEqual(told, ['maildir/bsd/lhost-exim-61.eml', 'maildir/bsd/lhost-qmail-08.eml'])
  })

  test('give a reason, nearly always', () => {
    const recipients = mails().flatMap(({ reading }) => (reading.kind === 'bounce' ? reading.recipients : []))
    const silent = recipients.filter(({ diagnostic }) => diagnostic === undefined)
    assert.ok(silent.length * 100 <= recipients.length, `${silent.length} of ${recipients.length} without a reason`)
    const coded = recipients.filter(({ status, code }) => status !== undefined || code !== undefined)
    assert.ok(coded.length * 100 >= recipients.length * 84, `${coded.length} of ${recipients.length} with a code`)
  })

  test('show which message they return, three of four at least', () => {
    const bounces = mails().flatMap(({ reading }) => (reading.kind === 'bounce' ? [reading] : []))
    const shown = bounces.filter(({ returned }) => returned?.messageId !== undefined)
    assert.ok(shown.length * 4 >= bounces.length * 3, `${shown.length} of ${bounces.length}`)
  })

  test('have a class by the reply rules, nineteen of twenty', async () => {
    const { rules } = await readReplyRules(filesIn(join(ROOT, 'config')))
    const said = mails().flatMap(({ reading }) => (reading.kind === 'bounce' ? reading.recipients : []))
    const classes = said.map(({ diagnostic, status, code, remoteMta }) => {
      const facts = { text: diagnostic ?? status ?? 'nothing', ...(code === undefined ? {} : { code }) }
      const more = {
        ...(status === undefined ? {} : { status }),
        ...(remoteMta === undefined ? {} : { remote: remoteMta }),
      }
      return classify(rules, { ...facts, ...more }).class
    })
    const unclassed = classes.filter(one => one === 'unclassed').length
    assert.ok(unclassed * 20 <= classes.length, `${unclassed} of ${classes.length} without a class`)
  })

  test('are read the same whatever ends their lines', () => {
    for (const { name, bytes, reading } of mails().slice(0, 900)) {
      if (bytes.includes(13)) continue
      const crlf = Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')
      assert.deepEqual(readBounce(crlf), reading, name)
    }
  })
})
