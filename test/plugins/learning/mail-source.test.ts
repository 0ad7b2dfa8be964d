/** Mail to learn from: files, mbox, Maildir, folders; and what is not there. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Accounts, CommandError, MailError, type MailStore } from 'posthouse/api'
import { forwardedIn } from '../../../plugins/learning/forwarding.js'
import { type SourceMail, sourceOf } from '../../../plugins/learning/mail-source.js'
import { beginsAsMail } from '../../../plugins/learning/mbox.js'

const NOBODY = { accounts: () => undefined, mail: () => undefined }

async function mailsOf(path: string): Promise<readonly string[]> {
  const mails: string[] = []
  for await (const mail of (await sourceOf(path, NOBODY))())
    mails.push('fault' in mail ? mail.fault : mail.bytes.toString())
  return mails
}

describe('mail to learn from', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mails-'))
  })
  after(() => rm(folder, { recursive: true }))

  const put = async (name: string, text: string) => {
    const path = join(folder, name)
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, text)
    return path
  }

  test('a file is one mail, with lines as on the wire', async () => {
    assert.deepEqual(await mailsOf(await put('one.eml', 'Subject: a\n\nb\n')), ['Subject: a\r\n\r\nb\r\n'])
  })

  test('an mbox is as many as it has From lines, and quoted ones are text', async () => {
    const text = 'From a Mon\nSubject: 1\n\nx\n>From here\n\nFrom b Tue\nSubject: 2\n\ny\n'
    const [one, two, ...more] = await mailsOf(await put('box', text))
    assert.match(one!, /^Subject: 1\r\n\r\nx\r\nFrom here\r\n/)
    assert.match(two!, /^Subject: 2\r\n\r\ny\r\n/)
    assert.equal(more.length, 0)
  })

  test('of an mbox with a huge mail the others are all there', async () => {
    const text = `From a\nSubject: 1\n\n${'x'.repeat(99)}\nFrom b\nSubject: 2\n\n${'long line\n'.repeat(400_000)}\nFrom c\nSubject: 3\n\ny\n`
    const mails = await mailsOf(await put('huge', text))
    assert.deepEqual(
      mails.map(mail => mail.slice(0, 10)),
      ['Subject: 1', 'Subject: 2', 'Subject: 3'],
    )
    assert.ok(mails.every(mail => mail.length < 2_000_000))
  })

  test('a line of a text that begins with "From" begins no mail, wherever the file is cut in reading', async () => {
    const letter = (n: number) => `From a Mon\nSubject: ${n}\n\n${'x'.repeat(n)}\n\nFrom now on\nall is new.\n\n`
    const numbers = Array.from({ length: 40 }, (_, n) => 4000 + 97 * n)
    const mails = await mailsOf(await put('text', numbers.map(letter).join('')))
    assert.deepEqual(
      mails.map(mail => Number(/^Subject: (\d+)/.exec(mail)?.[1])),
      numbers,
    )
    assert.ok(mails.every(mail => mail.endsWith('all is new.\r\n\r\n')))
  })

  test('an mbox may begin with empty lines and have lines as on the wire', async () => {
    const text = '\n\nFrom a\nSubject: 1\n\nx\n\nFrom b\nSubject: 2\n\ny\n'.replaceAll('\n', '\r\n')
    const mails = await mailsOf(await put('crlf', text))
    assert.deepEqual(
      mails.map(mail => mail.trim()),
      ['Subject: 1\r\n\r\nx', 'Subject: 2\r\n\r\ny'],
    )
  })

  test('mail with a line of another mbox in front of it is mail, in an mbox and in a file', async () => {
    const [one, two] = await mailsOf(
      await put('twice', 'From a\n>From b Mon\nSubject: 1\n\nx\n\nFrom c\nSubject: 2\n\n'),
    )
    assert.match(one!, /^From b Mon\r\nSubject: 1/)
    assert.ok(beginsAsMail(Buffer.from(one!)))
    assert.match(two!, /^Subject: 2/)
  })

  test('what is too large is told of, and the rest of its folder is there', async () => {
    await truncate(await put('large/1', ''), 65 * 1024 * 1024)
    await put('large/2', 'Subject: a\n\n')
    const [fault, mail] = await mailsOf(join(folder, 'large'))
    assert.match(fault!, /large\/1 is larger than/)
    assert.match(mail!, /^Subject: a/)
  })

  test('a folder that leads back to itself is read once', async () => {
    await put('round/a/1', 'Subject: a\n\n')
    await symlink('..', join(folder, 'round/a/back'))
    assert.equal((await mailsOf(join(folder, 'round'))).length, 1)
  })

  test('a Maildir is what is in cur and new', async () => {
    await put('dir/cur/1:2,S', 'Subject: cur\n\n')
    await put('dir/new/2', 'Subject: new\n\n')
    await put('dir/tmp/3', 'Subject: tmp\n\n')
    const mails = await mailsOf(join(folder, 'dir'))
    assert.deepEqual(
      mails.map(mail => mail.trim()),
      ['Subject: cur', 'Subject: new'],
    )
  })

  for (const [name, wanted] of [
    ['/dev/null', /neither a file nor a folder/],
    ['nowhere', /there is no file/],
    ['alice@example.test:Junk', /there is no account alice/],
  ] as const) {
    test(`${name} is refused with a sentence`, async () => {
      await assert.rejects(
        mailsOf(join(name)),
        (error: unknown) => error instanceof CommandError && wanted.test(error.message),
      )
    })
  }
})

test('of a forwarded mail only what is attached is learned from', () => {
  const inner = 'Subject: inner\r\n\r\nspam\r\n'
  const mail = [
    'Subject: look',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'see',
    '--b',
    'Content-Type: message/rfc822',
    '',
    `${inner}--b--`,
    '',
  ].join('\r\n')
  assert.deepEqual(
    forwardedIn(Buffer.from(mail)).map(one => one.toString().trim()),
    [inner.trim()],
  )
  assert.deepEqual(forwardedIn(Buffer.from('Subject: x\r\n\r\nspam\r\n')), [])
})

test('a mailbox is its mails without what was put in front of them, but for those that are gone meanwhile', async () => {
  const prefix = 'Return-Path: <>\r\n'
  const entries = [1, 2, 3].map(uid => ({ uid, prefix }))
  const store = {
    find: async () => ({ id: 'junk', uidNext: 4 }),
    open: async () => ({
      list: async (from: number, to: number) => entries.filter(({ uid }) => uid >= from && uid <= to),
      async read({ uid }: { uid: number }, from: number) {
        if (uid === 2) throw new MailError('message-gone', 'expunged')
        return Buffer.from(`${prefix}Subject: ${uid}\r\n\r\n`).subarray(from)
      },
    }),
  } as unknown as MailStore
  const accounts = { byLogin: async () => ({ id: 'a1' }) } as unknown as Accounts
  const found: string[] = []
  const mails = await sourceOf('ann@example.test:Junk', { accounts: () => accounts, mail: () => store })
  for await (const mail of mails()) {
    const { name, bytes } = mail as SourceMail
    found.push(`${name} ${bytes.toString().trim()}`)
  }
  assert.deepEqual(found, ['ann@example.test:Junk#1 Subject: 1', 'ann@example.test:Junk#3 Subject: 3'])
})
