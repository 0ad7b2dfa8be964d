import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { found } from './loading.js'

const LONG = 'word '.repeat(600)

const CASES = {
  'sizes and counts': [
    ['a short text', 'size: body\nunder: 1KB', 'Hello', '7B'],
    ['a long one is not', 'size: body\nunder: 1KB', LONG, undefined],
    ['between two sizes', 'size: message\nover: 1KB\nunder: 4KB', LONG, '3.1KB'],
    [
      'many recipients',
      'count: recipients\nat_least: 2',
      'Envelope-To: a@x.example\nEnvelope-To: b@x.example',
      '2 recipients',
    ],
    ['few recipients', 'count: recipients\nat_least: 2', 'Envelope-To: a@x.example', undefined],
    [
      'many addressees',
      'count: addressees\nat_least: 3',
      'To: a@x.example, b@x.example\nCc: c@x.example',
      '3 addressees',
    ],
    ['no link at all', 'count: links\nat_most: 0', 'Hello', '0 links'],
    [
      'links to several hosts',
      'count: hosts\nat_least: 2',
      'http://a.example/1 http://a.example/2 http://b.example/',
      '2 hosts',
    ],
    ['pictures', 'count: pictures\nat_least: 1', '<img src="http://x.example/a.png">', '1 pictures'],
    [
      'a form for a password',
      'count: password-forms\nat_least: 1',
      '<form action="http://x.example/"><input type=password></form>',
      '1 password-forms',
    ],
    ['a few words', 'count: words\nat_most: 3', 'only three words', '3 words'],
  ],
  fields: [
    ['a field that is there twice', 'field: From\nat_least: 2', 'From: a@x.example\nFrom: b@x.example', '2 times from'],
    ['one that is there once is not', 'field: From\nat_least: 2', 'From: a@x.example', undefined],
    ['two fields that match', 'field: X-A\nmatches: b\nat_least: 2', 'X-A: b1\nX-A: c\nX-A: b2', 'b'],
    ['one that matches is not two', 'field: X-A\nmatches: b\nat_least: 2', 'X-A: b1\nX-A: c', undefined],
  ],
  dates: [
    ['no date', 'date: missing', 'Date: -', 'no Date'],
    ['a date', 'date: missing', 'Hello', undefined],
    ['no date that can be read', 'date: unreadable', 'Date: yesterday', 'yesterday'],
    [
      'a date to come',
      'date: ahead\nby: 2d',
      'Date: Fri, 5 Jan 2024 12:00:00 +0000\nNow: Mon, 1 Jan 2024 12:00:00 +0000',
      'Fri, 5 Jan 2024 12:00:00 +0000, 4d ahead',
    ],
    [
      'not so far ahead',
      'date: ahead\nby: 5d',
      'Date: Fri, 5 Jan 2024 12:00:00 +0000\nNow: Mon, 1 Jan 2024 12:00:00 +0000',
      undefined,
    ],
    [
      'the clock is the newest trace field',
      'date: behind\nby: 1h',
      'Received: from a by b; Mon, 1 Jan 2024 15:00:00 +0000',
      'Mon, 1 Jan 2024 12:00:00 +0000, 3h ago',
    ],
    ['a zone that is nowhere', 'date: odd-zone', 'Date: Mon, 1 Jan 2024 12:00:00 +1738', '+1738'],
    ['a zone of a quarter', 'date: odd-zone', 'Date: Mon, 1 Jan 2024 12:00:00 +0545', undefined],
    [
      'the wrong day of the week',
      'date: wrong-day',
      'Date: Sun, 1 Jan 2024 12:00:00 +0000',
      'Sun, 1 Jan 2024 12:00:00 +0000',
    ],
    ['the right day at the place of the sender', 'date: wrong-day', 'Date: Tue, 2 Jan 2024 01:00:00 +1000', undefined],
    ['no zone', 'date: without-zone', 'Date: Mon, 1 Jan 2024 12:00:00', 'Mon, 1 Jan 2024 12:00:00'],
    ['the name of a zone is one', 'date: without-zone', 'Date: Mon, 1 Jan 2024 12:00:00 GMT', undefined],
  ],
  files: [
    ['a program by its ending', 'file: { ending: [exe, scr] }', 'Attachment: setup.EXE', 'setup.EXE (exe)'],
    ['a program by its content', 'file: { kind: [exe] }', 'Attachment: photo.jpg exe', 'photo.jpg (exe)'],
    ['two endings', 'file: { odd: [double-extension] }', 'Attachment: invoice.pdf.exe', 'invoice.pdf.exe (exe)'],
    [
      'a program in an archive',
      'file: { archive: { holds: [exe] } }',
      'Attachment: photos.zip zip(a.jpg, b.exe)',
      'photos.zip (zip)',
    ],
    [
      'an archive with a password',
      'file: { archive: { encrypted: true } }',
      'Attachment: a.zip zip!(b.doc)',
      'a.zip (zip)',
    ],
    ['a picture is none', 'file: { kind: [exe] }', 'Attachment: photo.jpg', undefined],
    [
      'a name by pattern',
      "file: { name: '^invoice_[0-9]{3,9}' }",
      'Attachment: invoice_123.pdf',
      'invoice_123.pdf (pdf)',
    ],
    ['an archive without one', 'file: { archive: { holds: [exe] } }', 'Attachment: photos.zip zip(a.jpg)', undefined],
    [
      'all is true of one and the same file',
      'file: { ending: [exe], kind: [pdf] }',
      'Attachment: a.exe\nAttachment: b.pdf',
      undefined,
    ],
    [
      'a part that is no file',
      'part: { type: [text/plain], role: [body] }',
      'Attachment: a.pdf',
      'text/plain (empty, 0B)',
    ],
    ['the text is no file', 'file: { type: [text/plain] }', 'Hello', undefined],
  ],
  'sessions and findings': [
    ['a label', 'label: greylisted', 'Label: greylisted', 'greylisted'],
    ['another label', 'label: greylisted', 'Label: tls', undefined],
    [
      'a finding of another plugin',
      'finding: dnsbl-*',
      'Finding: dnsbl-listed 3',
      'dnsbl-listed (told by the example)',
    ],
    ['of that plugin only', 'finding: dnsbl-*\nplugin: dnsbl', 'Finding: dnsbl-listed 3 other', undefined],
    ['of so many points', 'finding: "*"\npoints_over: 3', 'Finding: dnsbl-listed 3', undefined],
    [
      'together with what stands in the mail',
      'all: [{ finding: dkim-pass }, { words: [gift] }]',
      'Finding: dkim-pass\n\na gift',
      'dkim-pass (told by the example); gift',
    ],
  ],
  'conditions in conditions': [
    ['three deep', 'all: [{ any: [{ words: [a1] }, { not: [{ words: [b1] }] }] }]', 'c1', 'the-rule'],
    ['which does not hold', 'all: [{ any: [{ words: [a1] }, { not: [{ words: [b1] }] }] }]', 'b1', undefined],
  ],
} as const

for (const [what, cases] of Object.entries(CASES)) {
  describe(what, () => {
    for (const [name, condition, mail, wish] of cases)
      test(name, async () => {
        const here = await found(condition, mail)
        // A condition that shows nothing leaves the sentence without anything found.
        assert.equal(here === 'Found ' || here === '' ? 'the-rule' : here, wish)
      })
  })
}
