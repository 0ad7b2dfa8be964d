/**
 * The client's side of our SMTP conversations, held against a local Postfix too: every reply code that differs stands in
 * docs/smtp-differences.md with the reason why ours is right, and nothing stands there that does not differ.
 * `POSTHOUSE_WRITE=1` writes the page anew; a row without a reason then has to be given one.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseScripts, type Script } from '../harness/conversation.js'
import { noPostfix, startPostfix } from '../harness/postfix.js'
import { type Exchange, exchanges } from '../harness/replies.js'
import { ROOT } from '../harness/shared.js'
import { SmtpDoor } from '../harness/smtp-door.js'

const PAGE = join(ROOT, 'docs/smtp-differences.md')
const FOLDER = join(ROOT, 'test/conversations/smtp')
/** LIMITS, DELIVERBY, FUTURERELEASE, MT-PRIORITY, REQUIRETLS and ATRN: Postfix does not know them. */
const NOT_POSTFIX = /^rfc(?:9422|2852|4865|6710|8689|2645)/
const AT_ONCE = 12
const NO_REASON = '**why?**'

interface Difference {
  readonly conversation: string
  readonly said: string
  readonly ours: string
  readonly postfix: string
}

test('where our replies differ from Postfix, the page says so and why', {
  skip: noPostfix,
  timeout: 60_000,
}, async t => {
  const door = await SmtpDoor.open()
  t.after(() => door.close())
  const users = ['alice', 'bob', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'postmaster', '"al ice"']
  const postfix = await startPostfix({ domain: 'example.test', users, messageBytes: 100_000 })
  if (postfix === undefined) return t.skip('Postfix does not start here')
  t.after(() => postfix.stop())
  const known = reasons()
  const found = await differences(scripts(), door.port, postfix.port)
  if (process.env.POSTHOUSE_WRITE === '1') writeFileSync(PAGE, page(found, known))
  const told = readFileSync(PAGE, 'utf8')
  assert.ok(!told.includes(NO_REASON), 'a difference without a reason')
  assert.equal(
    told,
    page(found, known),
    'docs/smtp-differences.md is not true any more: run this test with POSTHOUSE_WRITE=1',
  )
})

function scripts(): readonly Script[] {
  return readdirSync(FOLDER)
    .filter(file => !NOT_POSTFIX.test(file))
    .sort()
    .flatMap(file => parseScripts(readFileSync(join(FOLDER, file), 'utf8'), file))
}

async function differences(all: readonly Script[], ours: number, theirs: number): Promise<readonly Difference[]> {
  const found = new Map<number, readonly Difference[]>()
  let next = 0
  const work = async () => {
    for (let at = next++; at < all.length; at = next++) {
      const script = all[at]!
      const [a, b] = await Promise.all([exchanges(script, ours), exchanges(script, theirs)])
      found.set(at, compare(`${script.file.replace(/\.conv$/, '')}: ${script.title}`, a, b))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return all.flatMap((_, at) => found.get(at)!)
}

/** Only the first difference of a conversation: what follows stands on another state. */
function compare(conversation: string, a: readonly Exchange[], b: readonly Exchange[]): readonly Difference[] {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const [ours, postfix] = [a[at], b[at]].map(one => one?.codes.join(' ') || '–')
    if (ours !== postfix) return [{ conversation, said: (a[at] ?? b[at])!.said, ours: ours!, postfix: postfix! }]
  }
  return []
}

function reasons(): ReadonlyMap<string, string> {
  const rows = readFileSync(PAGE, 'utf8').matchAll(/^\| (.*?) \| `.*?` \| .*? \| .*? \| (.*?) \|$/gm)
  return new Map([...rows].map(([, conversation, why]) => [conversation!, why!]))
}

function page(found: readonly Difference[], known: ReadonlyMap<string, string>): string {
  const rows = found.map(
    ({ conversation, said, ours, postfix }) =>
      `| ${conversation} | \`${cell(said)}\` | ${ours} | ${postfix} | ${known.get(conversation) ?? NO_REASON} |`,
  )
  return `${HEAD}\n${rows.join('\n')}\n`
}

function cell(text: string): string {
  const clean = text.replace(/[|`]/g, '?')
  return clean.length > 90 ? `${clean.slice(0, 89)}…` : clean
}

const HEAD = `# Where our SMTP replies differ from Postfix

The client's side of the conversations in \`test/conversations/smtp\` is played to Posthouse and to a Postfix 3.7 (bare newlines
rejected, HELO required, our limits) that knows the same mailboxes. Each row is the first reply code of a conversation that differs; conversations that are not here
went alike,
and those about extensions that Postfix does not know are left out. \`test/whole/postfix-differences.test.ts\` keeps this page true; \`POSTHOUSE_WRITE=1\` writes it anew and keeps the reasons.

| conversation | the client said | ours | Postfix | why ours |
|---|---|---|---|---|`
