/** Origin tests on links, mailboxes and what is forwarded; and texts that are made to keep them busy. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { messageOf } from '../../../core/storage/message.js'
import { mailOf } from '../../../plugins/spam-rules/example.js'
import { factsAbout } from '../../../plugins/spam-rules/example-asked.js'
import { forwardedAuthor } from '../../../plugins/spam-rules/origin/forwarded.js'
import { lookFor, STRUCTURE_TESTS } from '../../../plugins/spam-rules/structure/tests.js'
import { aRule, load, told } from './loading.js'

const LISTS = 'lists:\n  free: [gmail.com, run.app]\n  ways: [google.com]\n  odd: [click]\n'

async function holds(condition: string, mail: string): Promise<boolean> {
  const set = await load(`${LISTS}rules:\n${aRule('the-rule', condition)}`)
  return (await told(set, mail)).length > 0
}

const FROM = 'From: desk@shop.example\nTo: alex@example.org\n\n'

describe('origin', () => {
  for (const [what, condition, mail, wish] of [
    [
      'a click that writes to a free mailbox',
      'origin: mailto-in-list\nlist: free',
      `${FROM}<a href="mailto:x71@gmail.com?subject=a">Me</a>`,
      true,
    ],
    [
      'the sender may take answers there',
      'origin: mailto-in-list\nlist: free',
      'From: x71@gmail.com\n\n<a href="mailto:X71@gmail.com">Me</a>',
      false,
    ],
    [
      'a click that writes to another house',
      'origin: mailto-elsewhere',
      `${FROM}<a href="mailto:x@other.example">Me</a>`,
      true,
    ],
    [
      'a click that writes to the same house',
      'origin: mailto-elsewhere',
      `${FROM}<a href="mailto:x@desk.shop.example">Me</a>`,
      false,
    ],
    ['the receiver behind #', 'origin: link-names-receiver', `${FROM}https://x71.example/#ALEX@example.org`, true],
    [
      'the receiver behind #, escaped',
      'origin: link-names-receiver',
      `${FROM}https://x71.example/a#e=alex%40example.org`,
      true,
    ],
    [
      'the receiver behind #, in base64',
      'origin: link-names-receiver',
      `${FROM}https://x71.example/#YWxleEBleGFtcGxlLm9yZw`,
      true,
    ],
    [
      'the receiver behind ? is for the server',
      'origin: link-names-receiver',
      `${FROM}https://x71.example/?e=alex@example.org`,
      false,
    ],
    [
      'all links are on the list',
      'origin: links-all-in-list\nlist: free',
      `${FROM}https://a.run.app/ https://b.run.app/`,
      true,
    ],
    [
      'one link is not',
      'origin: links-all-in-list\nlist: free',
      `${FROM}https://a.run.app/ https://shop.example/`,
      false,
    ],
    ['no link is no link', 'origin: links-all-in-list\nlist: free', `${FROM}Hello`, false],
    [
      'by way of another',
      'origin: link-by-way-of\nlist: ways',
      `${FROM}https://www.google.com/url?q=https%3A%2F%2Fx71.example%2F`,
      true,
    ],
    [
      'by way of itself',
      'origin: link-by-way-of\nlist: ways',
      `${FROM}https://www.google.com/url?q=https://maps.google.com/`,
      false,
    ],
    [
      'a picture at a host of the list',
      'origin: picture-in-list\nlist: free',
      `${FROM}<img src="https://i.run.app/1.png" width=99 height=99>`,
      true,
    ],
    [
      'a forwarded author',
      'origin: forwarded-from-in-list\nlist: free',
      'From: a@b.example\nSubject: Fw: x\n\nFrom: T <t@gmail.com>\n',
      true,
    ],
    [
      'a forwarded author of a cheap ending',
      'origin: forwarded-from-under\nlist: odd',
      'From: a@b.example\nSubject: WG: x\n\nVon: T <t@x71.click>\n',
      true,
    ],
    [
      'an answer is no forwarding',
      'origin: forwarded-from-in-list\nlist: free',
      'From: a@b.example\nSubject: Re: x\n\nFrom: T <t@gmail.com>\n',
      false,
    ],
  ] as const)
    test(what, async () => assert.equal(await holds(condition, mail), wish))

  test('the words of a rule find the name of a forwarded author', async () => {
    const mail = 'From: a@b.example\nSubject: Fw: x\n\nDe: "Itau pontos" <t@gmail.com>\n'
    assert.equal(await holds('words: [itau pontos]\nwhere: [name]', mail), true)
  })
})

describe('the author of what is forwarded', () => {
  for (const [what, subject, body, wish] of [
    [
      'Gmail',
      'Fwd: x',
      '---------- Forwarded message ---------\nFrom: Tom M <tom@a.example>\nDate: x',
      'Tom M <tom@a.example>',
    ],
    ['Outlook in Portuguese', 'ENC: x', '________\nDe: Ana <ana@a.example>\nEnviado: x', 'Ana <ana@a.example>'],
    ['Outlook, with a link in it', 'ENC: x', 'De: Ana<mailto:ana@a.example>\nEnviado:x', 'Ana <ana@a.example>'],
    ['quoted, in French', 'TR: x', '> De : "Luc" <luc@a.example>\n> Date : x', 'Luc <luc@a.example>'],
    ['on behalf of', 'Fw: x', 'De: x <x@a.example> em nome de KETO\nEnviado: x', 'KETO <x@a.example>'],
    ['nobody is named', 'Fw: x', 'Look at this', undefined],
  ] as const)
    test(what, () => {
      const author = forwardedAuthor(subject, body)
      assert.equal(author && `${author.name} <${author.local}@${author.domain}>`, wish)
    })
})

describe('texts made to keep structure tests busy are looked through all the same', () => {
  for (const [what, part] of [
    ['breaks with spaces', '<br>         &nbsp;         '],
    ['nearly breaks', '<br          '],
    ['breaks with spaces that do not break, and a letter', `<br>${'\u00a0'.repeat(40)}x`],
    ['blank lines', '\n   \t  '],
    ['nearly templates', '{{ first name {{ '],
    ['nearly entities', '&aacut &nbs &'],
    ['nearly styles', 'height: 99 height  :  '],
    ['letters and digits', 'a1b2c3d4e5'],
  ] as const)
    test(what, async () => {
      const mail = `From: a@b.example\nContent-Type: text/html\n\n<p>${part.repeat(Math.ceil(200_000 / part.length))}`
      const facts = await factsAbout(messageOf(mailOf(mail)))
      // What backtracks without an end runs into the limit of the test run, not into a clock of ours.
      for (const name of STRUCTURE_TESTS) lookFor(name)(facts)
    })
})
