/** Letters that the starting model is made with: each can be read and filled, the same every time, and both labels wear the same dresses. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { messageOf } from '../../../core/storage/message.js'
import type { Label } from '../../../plugins/learning/entry.js'
import { inventedLetters, inventMails, readLetters } from '../../../plugins/learning/invented.js'
import { shippedModel } from '../../../plugins/learning/shipped.js'
import { plainHeader } from '../../../plugins/learning/views.js'

function lettersOf(label: Label) {
  return inventedLetters(join(dirname(shippedModel()), 'invented'), label)
}

/** Kinds that say next to nothing. */
const OF_A_WORD = /^(one-?(sentence|line|word)|short$|(subject|link)-only$|reply-to-nothing$|call-number$|empty$)/

for (const label of ['ham', 'spam'] as const) {
  test(`invented ${label} is whole mail: nothing in it waits to be filled`, async () => {
    for (const { letter, octets } of inventMails(await lettersOf(label), 2)) {
      const message = messageOf(octets)
      const { subject, body } = await message.text()
      const name = `${letter.kind} ${letter.language}`
      assert.ok(message.field('from')?.includes('@'), name)
      assert.doesNotMatch(`${subject} ${body}`, /[{}]|undefined/, name)
      assert.ok(Buffer.byteLength(body) > (OF_A_WORD.test(letter.kind) ? 1 : 20), name)
    }
  })
}

test('the page beside the model counts the letters that are there', async () => {
  const page = readFileSync(join(dirname(shippedModel()), 'learning.md'), 'utf8')
  const [, ham, spam, each] = /invented \| ([\d,]+) ham, ([\d,]+) spam: (\d+) of each letter/.exec(page)!
  const numberOf = (text: string | undefined) => Number(text!.replaceAll(',', ''))
  const letters = await Promise.all((['ham', 'spam'] as const).map(lettersOf))
  const wanted = letters.map(({ length }) => length * numberOf(each))
  assert.deepEqual([numberOf(ham), numberOf(spam)], wanted)
})

test('the same letters make the same mails', async () => {
  const letters = await lettersOf('spam')
  const make = () => inventMails(letters.slice(0, 5), 3).map(({ octets }) => octets.toString())
  assert.deepEqual(make(), make())
})

test('a letter without a subject is refused with its name', () => {
  assert.throws(
    () => readLetters('== receipt en\nFrom: A\nHello\n', 'ham'),
    /"receipt en" has no language, From or Subject/,
  )
})

test('the plain header has who writes, what about and how the body is made', () => {
  const mail =
    'Received: by a\r\n\tat b\r\nFrom: a@b.test\r\nX-Odd: 1\r\nSubject: Hello\r\n again\r\nContent-Type: text/plain\r\n\r\nReceived: text'
  assert.equal(
    plainHeader(Buffer.from(mail)).toString(),
    'From: a@b.test\r\nSubject: Hello\r\n again\r\nContent-Type: text/plain\r\n\r\nReceived: text',
  )
})
