/** What is asked behind something cheaper, or of numbers in place of text, answers as the plain way of asking does: on texts made for it, whatever is in them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nameAndParents } from 'posthouse/text'
import { messageOf } from '../../../core/storage/message.js'
import { anEnvelope, aSession } from '../../../core/testing/index.js'
import { bodyLengths } from '../../../plugins/spam-rules/body-lengths.js'
import { Facts } from '../../../plugins/spam-rules/facts.js'
import { inList } from '../../../plugins/spam-rules/origin/ask.js'
import { BrandTable } from '../../../plugins/spam-rules/origin/brands.js'
import { TEXT_TESTS } from '../../../plugins/spam-rules/structure/text.js'
import { fold, foldPhrase, foldWhole } from '../../../plugins/spam-rules/words/fold.js'
import { Trie } from '../../../plugins/spam-rules/words/trie.js'

/** Halves of characters, what cannot be seen, every kind of white space, and what folding takes apart. */
const ODD = [
  '\0',
  '\ud83d',
  '\udc00',
  '😀',
  '\u200b',
  '\u00a0',
  '\u180e',
  '\u2028',
  '\ufeff',
  '\u3000',
  'ŉ',
  'ﷺ',
  'ﬁ',
  'İ',
  '中',
  '한',
  '\u0301',
  '\r',
] as const

const MESSAGE = messageOf(Buffer.from('Subject: x\r\n\r\nx\r\n'))
const SEEN = await MESSAGE.text()

async function factsOf(seen: { readonly body?: string; readonly html?: string }): Promise<Facts> {
  const text = { ...SEEN, ...seen }
  const message = { ...MESSAGE, header: MESSAGE.header, text: async () => text }
  return Facts.of({ session: aSession(), envelope: anEnvelope(), message: message as never, findings: [] } as never, 0)
}

const textOf = (...more: readonly string[]) =>
  fc
    .array(fc.oneof(fc.constantFrom(...ODD, ...more), fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 80 })
    .map(parts => parts.join(''))

test('words, lines and gaps of a body are what patterns find', async () => {
  const gap = '\n'.repeat(42)
  await fc.assert(
    fc.asyncProperty(textOf(' ', '\n', '\t', 'word', gap), async body => {
      const { words, lines, longestGap } = bodyLengths(await factsOf({ body }))
      assert.equal(words, body.match(/\S+/g)?.length ?? 0)
      assert.equal(lines, body.split('\n').filter(line => /\S/.test(line)).length)
      const gaps = Array.from(`\n${body}`.matchAll(/\s*(?=\S)/g), ([space]) => space.split('\n').length - 1)
      assert.equal(longestGap, Math.max(0, ...gaps))
    }),
  )
})

test('a body of a megabyte without a space is one word, and none is nothing', async () => {
  assert.deepEqual(bodyLengths(await factsOf({ body: 'x'.repeat(2 ** 20) })), { words: 1, lines: 1, longestGap: 1 })
  assert.deepEqual(bodyLengths(await factsOf({ body: '' })), { words: 0, lines: 0, longestGap: 0 })
})

test('tall boxes are found however they are written', async () => {
  const property = fc.constantFrom('height', 'margin-top', 'PADDING-TOP', 'flex-grow', 'Margin')
  const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\u00a0', '\u2028'), maxLength: 3 })
  const size = fc.oneof(
    fc.integer({ min: 3000, max: 999_999_999 }).chain(n => fc.constantFrom(`${n}`, `${n}px`, `${n}PT`)),
  )
  await fc.assert(
    fc.asyncProperty(
      textOf(':', '1234', 'height'),
      property,
      space,
      space,
      size,
      async (before, name, left, right, large) => {
        const html = `${before} ${name}${left}:${right}${large} "`
        assert.ok(TEXT_TESTS['pushed-down'](await factsOf({ html })), JSON.stringify(html))
      },
    ),
  )
})

test('breaks with nothing between them are counted whatever stands in their tags', async () => {
  const tag = fc.constantFrom('<br>', '<BR/>', '<br \0>', `<br class="${'x'.repeat(30)}">`, '<br\ud83d>')
  const nothing = fc.constantFrom('', ' ', '\n', '&nbsp;', '\u00a0')
  const pair = fc.tuple(tag, nothing).map(parts => parts.join(''))
  const rows = fc.array(pair, { minLength: 40, maxLength: 40 }).map(pairs => pairs.join(''))
  await fc.assert(
    fc.asyncProperty(textOf('<br', '>', '<'), rows, async (before, row) => {
      assert.ok(TEXT_TESTS['pushed-down'](await factsOf({ html: `${before}${row}` })), JSON.stringify(before))
    }),
  )
  const parted = '<br>'.repeat(39)
  assert.equal(TEXT_TESTS['pushed-down'](await factsOf({ html: `${parted}x${parted}` })), undefined)
})

test('a list is asked for a name and those above it', () => {
  const name = fc.oneof(
    fc.domain(),
    textOf('.', 'example', 'ümlaut', 'EXAMPLE.'),
    fc.constantFrom('', '.', '..', 'a..b', '[::1]', '127.0.0.1', `${'a.'.repeat(200)}example`),
  )
  fc.assert(
    fc.property(name, fc.nat(6), (domain, at) => {
      const names = [...nameAndParents(domain)]
      const listed = names[at % names.length]!
      assert.equal(inList(domain, new Set([listed])), listed)
      assert.equal(inList(domain, new Set(['not there'])), undefined)
    }),
  )
})

test('every word that a name of a brand begins with is among the places where one may', () => {
  const titles = ['PayPal', 'Banco do Brasil', '中文 银行', 'Łódź', '---', 'A']
  const table = new BrandTable(titles.map(brand => ({ brand, domains: [] })))
  fc.assert(
    fc.property(textOf(' ', 'PAYPAL', 'Banco', ' do Brasil', '中文', 'łódź', 'a'), text => {
      const folded = foldWhole(text)
      const words = fold(text).trim().split(' ')
      const places = new Set(table.mayBeginIn(folded))
      for (const at of words.keys())
        if (table.nameAt(words, at) !== undefined) assert.ok(places.has(at), `${JSON.stringify(text)} at ${at}`)
      for (const at of places) assert.ok(at < words.length)
    }),
  )
})

test('phrases of every length are found, and only where they stand', () => {
  const unit = fc.constantFrom('a', 'b', 'c', 'z', '0', 'é', '中', '\u0111')
  const phrase = fc
    .tuple(fc.string({ unit, minLength: 1, maxLength: 6 }), fc.boolean())
    .map(([text, open]) => foldPhrase(open ? `${text}*` : text))
  fc.assert(
    fc.property(
      fc.array(phrase, { minLength: 1, maxLength: 12 }),
      textOf(' ', ' ', 'a', 'ab', 'abc', 'abcz', 'é', '中'),
      (phrases, text) => {
        const trie = new Trie(phrases)
        for (const [at, wanted] of phrases.entries()) {
          if (wanted === '') continue
          const found = new Set<string>()
          const folded = foldWhole(`${text} ${wanted}`)
          trie.search(folded, (number, start, end) => {
            assert.equal(folded.text.slice(start, end), phrases[number])
            found.add(phrases[number]!)
          })
          assert.ok(found.has(wanted), JSON.stringify([phrases, at, text]))
        }
      },
    ),
  )
})

test('a text that was folded keeps its characters when others are folded behind it', () => {
  fc.assert(
    fc.property(textOf('word', ' '), textOf('other', ' '), (one, other) => {
      const folded = foldWhole(one)
      foldWhole(other)
      assert.equal(folded.text, foldWhole(one).text)
    }),
  )
})
