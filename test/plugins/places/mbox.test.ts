/** Mailbox files, on a real disk: their form, their locks, and what is refused. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, link, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { tryDotlock } from '../../../plugins/places/mbox/dotlock.js'
import { address } from '../../harness/context.js'
import { runProgram } from '../../harness/programs.js'
import { program } from '../../harness/shared.js'
import { aJob, deliver, folder, lockedByAnother, short } from './house.js'

const FIRST = 'From sender@far.test Thu Nov  5 09:08:07 2026\n'
const COPY =
  'Return-Path: <sender@far.test>\nDelivered-To: alice@example.test\nReceived: from there\nSubject: hello\n\nHello\n'
const QUICK = { lock_wait: '1s', owner: 'any' } as const

describe('the form', () => {
  test('a message stands between its From line and an empty line, with LF', async t => {
    const dir = await folder(t)
    const { outcomes } = await deliver({ mbox: `${dir}/{user}` }, aJob([{}]))
    assert.equal(await readFile(`${dir}/alice`, 'utf8'), `${FIRST}${COPY}\n`)
    assert.deepEqual(outcomes, [
      { kind: 'delivered', row: 0, remote: `mbox ${dir}/alice (here)`, reply: '', final: true },
    ])
  })

  test('a new file is for its owner and the group, and neither locks nor anything else are left behind', async t => {
    const dir = await folder(t)
    await deliver({ mbox: `${dir}/{user}` }, aJob([{}]))
    assert.equal((await stat(`${dir}/alice`)).mode & 0o007, 0)
    assert.deepEqual(await readdir(dir), ['alice'])
  })

  for (const [what, before, gap] of [
    ['ends with an empty line', 'From x\n\nlast\n\n', ''],
    ['ends with a line', 'From x\n\nlast\n', '\n'],
    ['ends within a line', 'From x\n\nlast', '\n\n'],
    ['is one octet', 'x', '\n\n'],
    ['is empty', '', ''],
  ] as const) {
    test(`a file that ${what} gets an empty line before the next message`, async t => {
      const path = join(await folder(t), 'box')
      await writeFile(path, before)
      await deliver({ mbox: path }, aJob([{}]))
      assert.equal(await readFile(path, 'utf8'), `${before}${gap}${FIRST}${COPY}\n`)
    })
  }

  test('nothing of a message is there before all of it can be written: a crash leaves no half one', async t => {
    const path = join(await folder(t), 'box')
    await writeFile(path, '')
    const job = aJob([{}], { text: `Subject: x\r\n\r\n${'line\r\n'.repeat(30_000)}`, piece: 20_000 })
    const sizes: number[] = []
    async function* slowly() {
      for await (const piece of job.chunks()) {
        sizes.push((await stat(path)).size)
        yield piece
      }
    }
    await deliver({ mbox: path }, { ...job, chunks: slowly })
    assert.deepEqual([sizes.length > 5, sizes.filter(size => size > 0)], [true, []])
    assert.match(await readFile(path, 'utf8'), /^From .*\n(?:.*\n)+line\n\n$/)
  })

  const quoted = 'Subject: x\r\n\r\nFrom here\r\n>From there\r\n>>From\r\nfrom nowhere\r\n From us\r\nFrom the end'
  for (const piece of [1, 2, 3, 7, 1000]) {
    test(`lines that begin with From are quoted, when the octets come ${piece} by ${piece} too`, async t => {
      const path = join(await folder(t), 'box')
      await deliver({ mbox: path }, aJob([{}], { text: quoted, piece, read: async () => Buffer.alloc(0) }))
      const lines = (await readFile(path, 'utf8')).split('Subject: x\n\n')[1]
      assert.equal(lines, '>From here\n>>From there\n>>From\nfrom nowhere\n From us\n>From the end\n\n')
    })
  }

  test('a very long line is neither held in memory nor quoted in its middle', async t => {
    const path = join(await folder(t), 'box')
    const line = 'From '.repeat(60_000)
    await deliver({ mbox: path }, aJob([{}], { text: `Subject: x\r\n\r\n${line}\r\n`, piece: 65_536 }))
    assert.ok((await readFile(path, 'utf8')).endsWith(`\n\n>${line}\n\n`))
  })

  test('fields by which mailbox programs keep their state are not taken from a stranger', async t => {
    const path = join(await folder(t), 'box')
    const text =
      'Status: RO\r\nX-IMAPbase: 1 9999\r\nSubject: x\r\nX-UID: 7\r\nContent-Length: 3\r\n\r\nStatus: stays\r\n'
    await deliver({ mbox: path }, aJob([{}], { text }))
    assert.ok((await readFile(path, 'utf8')).endsWith('Received: from there\nSubject: x\n\nStatus: stays\n\n'))
  })

  for (const [sender, wish] of [
    [null, 'From MAILER-DAEMON '],
    [{ local: '"a b"', domain: 'far.test' }, 'From "a-b"@far.test '],
    [{ local: 'x\nFrom y', domain: 'far.test' }, 'From x-From-y@far.test '],
  ] as const) {
    test(`the From line of ${JSON.stringify(sender)} is one line with one address`, async t => {
      const path = join(await folder(t), 'box')
      await deliver({ mbox: path }, aJob([{}], { sender }))
      assert.ok((await readFile(path, 'utf8')).startsWith(`${wish}Thu Nov  5`))
    })
  }
})

describe('locks', () => {
  test('twenty messages at once stand one after the other', async t => {
    const path = join(await folder(t), 'box')
    const jobs = Array.from({ length: 20 }, (_, i) =>
      deliver({ mbox: path, owner: 'any' }, aJob([{}], { id: `q${i}` })),
    )
    for (const { outcomes } of await Promise.all(jobs)) assert.equal(short(outcomes), 'delivered')
    assert.equal(await readFile(path, 'utf8'), `${FIRST}${COPY}\n`.repeat(20))
  })

  test('a record lock of another program is waited for, and puts the mail off', async t => {
    const path = join(await folder(t), 'box')
    const release = await lockedByAnother(path)
    const { outcomes, log } = await deliver({ mbox: path, ...QUICK }, aJob([{}]))
    assert.equal(short(outcomes), 'deferred 4.2.0')
    assert.equal(log.lines.at(-1)?.sentence, 'place does not take mail')
    assert.equal(await readFile(path, 'utf8'), '')
    const waiting = deliver({ mbox: path }, aJob([{}]))
    await release()
    assert.equal(short((await waiting).outcomes), 'delivered')
  })

  test('a dotlock of another program puts the mail off, and stays', async t => {
    const path = join(await folder(t), 'box')
    await writeFile(`${path}.lock`, `${process.pid}\n`)
    assert.equal(short((await deliver({ mbox: path, ...QUICK }, aJob([{}]))).outcomes), 'deferred 4.2.0')
    assert.equal(await readFile(`${path}.lock`, 'utf8'), `${process.pid}\n`)
    assert.deepEqual(await readdir(join(path, '..')), ['box', 'box.lock'])
  })

  test('who holds the dotlock and waits for the record lock, as procmail does, gets it', async t => {
    const path = join(await folder(t), 'box')
    await writeFile(`${path}.lock`, `${process.pid}\n`)
    const waiting = deliver({ mbox: path, owner: 'any', lock_wait: '2m' }, aJob([{}]))
    for (let i = 0; i < 3; i += 1) await (await lockedByAnother(path))()
    await rm(`${path}.lock`)
    assert.equal(short((await waiting).outcomes), 'delivered')
  })

  test('locks in the other order are taken and given back too', async t => {
    const path = join(await folder(t), 'box')
    const place = { mbox: path, ...QUICK, locks: ['dotlock', 'fcntl'] }
    const release = await lockedByAnother(path)
    assert.equal(short((await deliver(place, aJob([{}]))).outcomes), 'deferred 4.2.0')
    await release()
    assert.equal(short((await deliver(place, aJob([{}]))).outcomes), 'delivered')
    assert.deepEqual(await readdir(join(path, '..')), ['box'])
  })

  test('dotlockfile of liblockfile and we keep each other out', {
    skip: program('dotlockfile') === undefined ? 'no dotlockfile' : false,
  }, async t => {
    const path = join(await folder(t), 'box')
    await runProgram('dotlockfile', ['-l', '-p', '-r', '0', `${path}.lock`])
    await writeFile(`${path}.lock`, `${process.pid}\n`)
    assert.equal(short((await deliver({ mbox: path, ...QUICK }, aJob([{}]))).outcomes), 'deferred 4.2.0')
    await runProgram('dotlockfile', ['-u', `${path}.lock`])
    const release = await tryDotlock(path)
    const theirs = await runProgram('dotlockfile', ['-l', '-r', '0', `${path}.lock`])
    assert.notEqual(theirs.code, 0)
    await release!()
    assert.equal((await runProgram('dotlockfile', ['-l', '-r', '0', `${path}.lock`])).code, 0)
  })

  test('a dotlock whose process is dead is taken away', async t => {
    const path = join(await folder(t), 'box')
    const dead = execFileSync('/usr/bin/perl', ['-e', 'print $$']).toString()
    await writeFile(`${path}.lock`, `${dead}\n`)
    assert.equal(short((await deliver({ mbox: path, ...QUICK }, aJob([{}]))).outcomes), 'delivered')
    assert.deepEqual(await readdir(join(path, '..')), ['box'])
  })

  test('a dotlock that nobody has touched for five minutes is taken away, a younger one is not', async t => {
    const path = join(await folder(t), 'box')
    await writeFile(`${path}.lock`, '0\n')
    assert.equal(short((await deliver({ mbox: path, ...QUICK }, aJob([{}]))).outcomes), 'deferred 4.2.0')
    const before = new Date(Date.now() - 6 * 60_000)
    await utimes(`${path}.lock`, before, before)
    assert.equal(short((await deliver({ mbox: path, ...QUICK }, aJob([{}]))).outcomes), 'delivered')
  })

  test('a dotlock alone does not mind record locks', async t => {
    const path = join(await folder(t), 'box')
    const release = await lockedByAnother(path)
    assert.equal(short((await deliver({ mbox: path, ...QUICK, locks: ['dotlock'] }, aJob([{}]))).outcomes), 'delivered')
    await release()
  })
})

describe('what is refused for now', () => {
  const cases: readonly (readonly [what: string, make: (path: string) => Promise<unknown>, wish: string])[] = [
    ['a folder', path => mkdir(path), 'deferred 4.3.5'],
    ['a symbolic link', path => symlink('/dev/null', path), 'deferred 4.3.5'],
    ['a FIFO', async path => execFileSync('mkfifo', [path]), 'deferred 4.3.5'],
    [
      'a file with a second name',
      path => writeFile(path, '').then(() => link(path, `${path}.other`)),
      'deferred 4.3.5',
    ],
  ]
  for (const [what, make, wish] of cases) {
    test(`${what} in place of the file`, async t => {
      const path = join(await folder(t), 'box')
      await make(path)
      assert.equal(short((await deliver({ mbox: path, ...QUICK }, aJob([{}]))).outcomes), wish)
    })
  }

  test('a folder that is missing is not made', async t => {
    const dir = await folder(t)
    assert.equal(short((await deliver({ mbox: `${dir}/no/box` }, aJob([{}]))).outcomes), 'deferred 4.3.5')
    assert.deepEqual(await readdir(dir), [])
  })

  test('with create: false a file that is missing is not made either', async t => {
    const dir = await folder(t)
    assert.equal(short((await deliver({ mbox: `${dir}/box`, create: false }, aJob([{}]))).outcomes), 'deferred 4.3.5')
    assert.deepEqual(await readdir(dir), [])
  })

  test('what the sender hears holds no path, the log does', async t => {
    const dir = await folder(t)
    const { outcomes, log } = await deliver({ mbox: `${dir}/no/box` }, aJob([{}]))
    assert.doesNotMatch(JSON.stringify(outcomes), /\//)
    assert.match(JSON.stringify(log.lines), /no\/box/)
  })

  test('a login that is no file name goes nowhere', async t => {
    const dir = await folder(t)
    for (const login of ['../alice', '.alice', 'a/b', '', 'a\0b', 'x'.repeat(101)]) {
      const accounts = [{ id: 'aalice', login, addresses: [] }]
      const { outcomes } = await deliver({ mbox: `${dir}/{user}` }, aJob([{}]), { accounts })
      assert.equal(short(outcomes), 'deferred 4.3.5', login)
    }
    assert.deepEqual(await readdir(dir), [])
  })

  test('an account that is gone fails, and its mail goes back', async t => {
    const dir = await folder(t)
    const { outcomes } = await deliver({ mbox: `${dir}/{user}` }, aJob([{}]), { accounts: [] })
    assert.equal(short(outcomes), 'failed 5.1.1')
  })

  test('mail that has been there before is a loop', async t => {
    const path = join(await folder(t), 'box')
    const text = 'Delivered-To: ALICE@example.test\r\n\r\nround\r\n'
    assert.equal(short((await deliver({ mbox: path }, aJob([{}], { text }))).outcomes), 'failed 5.4.6')
  })

  test("one recipient's trouble does not touch another's mail", async t => {
    const dir = await folder(t)
    await mkdir(join(dir, 'bob'))
    const accounts = [
      { id: 'aalice', login: 'alice', addresses: [] },
      { id: 'abob', login: 'bob', addresses: [] },
    ]
    const bob = { original: address('bob@example.test'), detail: { account: 'abob', place: 'here' } }
    const { outcomes } = await deliver({ mbox: `${dir}/{user}` }, aJob([bob, {}]), { accounts })
    assert.equal(short(outcomes), 'deferred 4.3.5, delivered')
  })

  test('a file of another user is not written to, one of the named user is', {
    skip: process.geteuid?.() !== 0,
  }, async t => {
    const dir = await folder(t)
    execFileSync('install', ['-o', 'games', '-g', 'mail', '-m', '660', '/dev/null', join(dir, 'alice')])
    execFileSync('install', ['-o', 'games', '-g', 'mail', '-m', '660', '/dev/null', join(dir, 'games')])
    const place = { mbox: `${dir}/{user}` }
    assert.equal(short((await deliver(place, aJob([{}]))).outcomes), 'deferred 4.3.5')
    assert.equal(short((await deliver({ ...place, owner: 'any' }, aJob([{}]))).outcomes), 'delivered')
    const accounts = [{ id: 'aalice', login: 'games', addresses: [] }]
    assert.equal(short((await deliver(place, aJob([{}]), { accounts })).outcomes), 'delivered')
  })

  test('a delivery that is broken off leaves the file as it was', async t => {
    const path = join(await folder(t), 'box')
    await writeFile(path, 'From x\n\nlast\n\n')
    const job = aJob([{}], {
      chunks: async function* () {
        yield Buffer.alloc(100_000, 'x\r\n')
        throw new Error('the store has gone')
      },
    })
    assert.equal(short((await deliver({ mbox: path }, job)).outcomes), 'deferred 4.3.0')
    assert.equal(await readFile(path, 'utf8'), 'From x\n\nlast\n\n')
  })

  test('a file nobody may write to', async t => {
    const dir = await folder(t)
    const path = join(dir, 'box')
    await writeFile(path, '')
    await chmod(path, 0o444)
    await chmod(dir, 0o755)
    const { outcomes } = await asNobody(() => deliver({ mbox: path, owner: 'any' }, aJob([{}])))
    assert.equal(short(outcomes), 'deferred 4.3.5')
  })
})

describe('a disk that is full', () => {
  for (const kind of ['mbox', 'maildir'] as const) {
    test(`${kind}: the mail waits, nothing of it stays behind, and it comes when there is room`, async t => {
      const dir = await folder(t)
      const why = mounted(dir)
      if (why !== undefined) return t.skip(why)
      try {
        const place = { [kind]: join(dir, 'box'), lock_wait: '1s' }
        assert.equal(short((await deliver(place, aJob([{}]))).outcomes), 'delivered')
        const before = await holdings(dir)
        const large = aJob([{}], { id: 'q2', text: `Subject: large\r\n\r\n${'x'.repeat(70)}\r\n`.repeat(20_000) })
        assert.equal(short((await deliver(place, large)).outcomes), 'deferred 4.3.1')
        assert.deepEqual(await holdings(dir), before)
        assert.equal(short((await deliver(place, aJob([{}], { id: 'q3' }))).outcomes), 'delivered')
      } finally {
        execFileSync('umount', [dir])
      }
    })
  }
})

/** Root may write to anything. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work()
  process.seteuid?.('nobody')
  try {
    return await work()
  } finally {
    process.seteuid?.(0)
  }
}

/** A small disk; or why there is none. */
function mounted(dir: string): string | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', dir], { stdio: 'pipe' })
    return undefined
  } catch (error) {
    return `nothing can be mounted: ${error instanceof Error ? error.message.split('\n')[0] : 'unknown'}`
  }
}

async function holdings(dir: string): Promise<readonly string[]> {
  const all = await readdir(dir, { recursive: true, withFileTypes: true })
  const files = all.filter(one => one.isFile()).map(one => join(one.parentPath, one.name))
  return Promise.all(files.sort().map(async path => `${path} ${await readFile(path, 'utf8')}`))
}
