/** Tokens of a mail: the same for the same mail, in any script, without what names anybody, and bounded. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aMessage } from 'posthouse/testing'
import { readLesson } from '../../../plugins/learning/lesson.js'
import { KINDS, type Kind, SPACE, tokenValue } from '../../../plugins/learning/tokens/kinds.js'
import { packTokens, unpackTokens } from '../../../plugins/learning/tokens/pack.js'
import { plain, plainBody } from '../../../plugins/learning/tokens/plain.js'
import { tokensIn } from '../../../plugins/learning/tokens/tokens.js'
import { lengthOf } from '../../../plugins/learning/weights.js'

async function namesIn(mail: string, kind: Kind): Promise<readonly string[]> {
  const message = aMessage(mail)
  const found = tokensIn(message, await message.text())
  const at = KINDS.indexOf(kind)
  return [...found.tokens[at]!].map(token => found.nameOf(at, token)!.text)
}

const MAIL =
  'From: Ann <ann@one.test>\nSubject: Re: [list] Free offer!\nReply-To: other@two.test\nMessage-ID: <1@one.test>\n\n'

for (const [written, made] of [
  ['Call 0800 123456 NOW', 'call 0000 00000 now'],
  ['see https://shop.test/x?y=1 or www.shop.test', 'see  \u0001  or  \u0001 '],
  ['write to bob@example.test, please', 'write to  \u0002 , please'],
  ['ｆｒｅｅ vi\u200bagra\u00ad', 'free viagra'],
] as const) {
  test(`plain text of “${written.slice(0, 30)}” says nothing of one mail only`, () =>
    assert.equal(plain(written), made))
}

test('what was quoted and the footer of a list are left out', () => {
  const text = `${'my own words stand here. '.repeat(10)}\n> quoted words\nOn Monday, Bob wrote:\n${'_'.repeat(40)}\nlist footer\n`
  const made = plainBody(text)
  assert.match(made, /my own words/)
  assert.doesNotMatch(made, /quoted|wrote|footer/)
})

test('a mail that is quoted as a whole is read all the same', () => {
  assert.match(plainBody('> buy now\n> at once\n> everything must go\n'), /buy now/)
})

test('a line like a footer at the top hides nothing', () => {
  assert.match(plainBody(`${'_'.repeat(40)}\n${'buy this now\n'.repeat(200)}`), /buy this/)
})

test('words, pairs and letters of the text are tokens', async () => {
  const mail = `${MAIL}Winners get a bonus`
  const words = await namesIn(mail, 'word')
  for (const word of ['winners', 'bonus', 'offer']) assert.ok(words.includes(word), word)
  assert.ok((await namesIn(mail, 'pair')).includes('winners get'))
  assert.ok((await namesIn(mail, 'letters')).includes('bonu'))
})

test('words of scripts without spaces are characters and their pairs', async () => {
  const mail = `${MAIL.replace('\n\n', '\nContent-Type: text/plain; charset=utf-8\n\n')}免费赠品`
  const words = await namesIn(mail, 'word')
  assert.ok(words.includes('免') && words.includes('费'))
  assert.ok((await namesIn(mail, 'pair')).includes('免费'))
})

test('words of other alphabets are words', async () => {
  const mail = `${MAIL.replace('\n\n', '\nContent-Type: text/plain; charset=utf-8\n\n')}Бесплатный выигрыш ελεύθερο جائزة`
  const words = await namesIn(mail, 'word')
  for (const word of ['бесплатный', 'ελεύθερο', 'جائزة']) assert.ok(words.includes(word), word)
})

test('addresses and hosts are tokens of this site only', async () => {
  const own = await namesIn(MAIL, 'local')
  assert.ok(own.includes('from ann@one.test') && own.includes('reply-to two.test'))
  for (const kind of ['word', 'pair', 'letters', 'name', 'shape', 'head'] as const)
    assert.ok(!(await namesIn(MAIL, kind)).some(name => name.includes('one.test')), kind)
})

test('verdicts of other filters are no tokens', async () => {
  const verdicts =
    'X-Spam-Flag: YES\nX-MS-Exchange-Organization-SCL: 9\nX-Bogosity: Spam\nAuthentication-Results: x; spf=fail\n'
  assert.deepEqual((await readLesson(aMessage(verdicts + MAIL))).tokens, (await readLesson(aMessage(MAIL))).tokens)
})

test('the same mail has the same tokens and print, and another has another print', async () => {
  const one = await readLesson(aMessage(`${MAIL}text`))
  assert.deepEqual(await readLesson(aMessage(`Received: from x by y\n${MAIL}text`)).then(read => read.print), one.print)
  assert.notEqual((await readLesson(aMessage(`${MAIL}other`))).print, one.print)
})

test('packed tokens come out as they went in', async () => {
  const { tokens } = await readLesson(aMessage(`${MAIL}${'many words that differ in letters '.repeat(50)}`))
  assert.deepEqual(
    unpackTokens(packTokens(tokens)),
    tokens.map(list => list.toSorted()),
  )
  assert.equal(unpackTokens('AAAA'), undefined)
  assert.equal(unpackTokens('////////'), undefined)
})

test('a mail of a megabyte has bounded tokens, and a length of at most one', async () => {
  const words = Array.from({ length: 150_000 }, (_, n) => `w${n.toString(36)}`).join(' ')
  const { tokens } = await readLesson(aMessage(`${MAIL}${words}`))
  assert.ok(tokens.every(list => list.length <= 6500 && list.every(token => token < SPACE)))
  assert.ok(lengthOf(tokens) <= 1)
})

test('no number of tokens makes a mail longer than one', () => {
  for (const count of [1, 10, 1000, 1_000_000])
    assert.ok(KINDS.reduce((sum, kind) => sum + count * tokenValue(kind, count) ** 2, 0) <= 1)
})

test('signs that stand for many letters make no long text of a short one', () => {
  const blessing = '\ufdfa'
  assert.ok(plain(blessing.repeat(5000)).length <= 10_000)
  assert.equal(plain('\ufb01sh and \u210c'), 'fish and h')
})
