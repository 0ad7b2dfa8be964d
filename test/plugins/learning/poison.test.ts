/**
 * Mail made to slip past the shipped model: padded with words of the dictionary, with hidden text, with a copied letter below. The verdict may move, but only
 * so far; the bounds here are those the README states.
 */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { Scene } from './scene.js'

const HEADER = 'From: "Prize office" <a7@win.test>\nSubject: You have won!\nReply-To: b@other.test\nMIME-Version: 1.0\n'
const PITCH =
  'Congratulations! You have won $1,000,000 in our international lottery. To claim your free prize, click the link below now. This limited time offer is 100% ' +
  'risk free and guaranteed. Order today, no obligation, and earn money from home. Act now! Do not miss this opportunity to become rich and to get out of ' +
  'debt. Simply reply with your name, address and phone number and our agent will contact you about the transfer of the funds. '.repeat(
    2,
  )

/** Words as honest mail has them, in an order of their own. */
const VOCABULARY = (
  'meeting patch kernel branch release thread compile buffer function server mailing archive question version driver install package library pointer module ' +
  'garden train weather dinner school village river morning friend holiday letter paper window kitchen table music concert theatre museum history science ' +
  'chapter author editor article reader review draft figure method result sample signal receiver antenna frequency measure clock cable board'
).split(' ')
const LETTER =
  'Hi all,\n\nI tried the second patch on my machine and it still crashes when the module is loaded. The buffer is freed before the loop ends, see the trace ' +
  'in my last mail. Could somebody with the newer board look at it? I think the clock is set too late. I will write a test for it tomorrow.\n\nCheers\n\n'

/** 240 and 120 characters: too short for a start of its own length to be looked at. */
const MIDDLE = PITCH.slice(0, 240)
const SHORT =
  'Congratulations! You have won $1,000,000. To claim your free prize, click the link below now. Limited time offer, act now!'
const NEWS =
  'The council voted on Tuesday to repair the old bridge over the river before winter. Engineers found rust in two of the main beams last spring, and buses ' +
  'have been sent another way since then. The work should take about four months, a spokesman said, and the road will stay open to cyclists.\n\n'

function words(count: number): string {
  return Array.from({ length: count }, (_, n) => VOCABULARY[(n * 17 + ((n * n) % 13)) % VOCABULARY.length]).join(' ')
}

function html(body: string): string {
  return `${HEADER}Content-Type: text/html\n\n<html><body><p>${PITCH}</p>${body}</body></html>\n`
}

describe('spam that the shipped model sees', () => {
  let scene: Scene
  let plain: number
  before(async () => {
    scene = await new Scene().open()
    plain = await scene.points(`${HEADER}\n${PITCH}\n`)
  })

  test('has points to lose', () => assert.ok(plain > 2.5, `${plain}`))

  for (const [kind, mail, most] of [
    ['50 words of the dictionary', `${HEADER}\n${PITCH}\n\n${words(50)}\n`, 0.5],
    ['1,000 words of the dictionary', `${HEADER}\n${PITCH}\n\n${words(1000)}\n`, 0.5],
    ['a copied letter below', `${HEADER}\n${PITCH}\n\n${LETTER}\n`, 0.5],
    ['ten copied letters below', `${HEADER}\n${PITCH}\n\n${LETTER.repeat(10)}\n`, 0.5],
    ['a copied letter above', `${HEADER}\n${LETTER}\n\n${PITCH}\n`, 1],
  ] as const) {
    test(`loses at most ${most} points by ${kind}`, async () => {
      const points = await scene.points(mail)
      assert.ok(plain - points <= most, `from ${plain} to ${points}`)
    })
  }

  for (const [length, pitch] of [
    ['middle', MIDDLE],
    ['short', SHORT],
  ] as const) {
    for (const [kind, padding] of [
      ['50 words of the dictionary', words(50)],
      ['1,000 words of the dictionary', words(1000)],
      ['a copied letter', LETTER],
      ['ten copied letters', LETTER.repeat(10)],
      ['copied news', NEWS],
      ['much copied news', NEWS.repeat(10)],
    ] as const) {
      test(`a ${length} pitch loses at most 1 point by ${kind} below`, async () => {
        const before = await scene.points(`${HEADER}\n${pitch}\n`)
        const after = await scene.points(`${HEADER}\n${pitch}\n\n${padding}\n`)
        assert.ok(before > 2 && before - after <= 1, `from ${before} to ${after}`)
      })
    }
  }

  for (const [kind, style] of [
    ['not displayed', 'display:none'],
    ['without size', 'font-size:0'],
    ['white on white', 'color:#fff;background:#fff'],
  ] as const) {
    test(`loses at most half a point by a letter that is ${kind}`, async () => {
      const before = await scene.points(html(''))
      const after = await scene.points(html(`<div style="${style}">${LETTER.repeat(5)}${words(300)}</div>`))
      assert.ok(before - after <= 0.5, `from ${before} to ${after}`)
    })
  }

  test('never gets past what ham may be given', async () => {
    assert.ok((await scene.points(`${HEADER}\n${LETTER.repeat(30)}\n`)) >= -1.5)
  })
})
