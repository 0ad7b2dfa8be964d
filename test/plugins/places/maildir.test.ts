/** Maildirs on a real disk. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { nameOf } from '../../../plugins/places/maildir/deliver.js'
import { aJob, deliver, folder, RECEIVED, short } from './house.js'

const COPY =
  'Return-Path: <sender@far.test>\nDelivered-To: alice@example.test\nReceived: from there\nSubject: hello\n\nHello\n'
const ANY = { owner: 'any' } as const

async function filesOf(dir: string): Promise<readonly string[]> {
  const all = await readdir(dir, { recursive: true, withFileTypes: true })
  return all.filter(one => one.isFile()).map(one => join(one.parentPath, one.name).slice(dir.length + 1))
}

describe('the form', () => {
  test('a message is a file in new, with its size in its name', async t => {
    const dir = await folder(t)
    const { outcomes } = await deliver({ maildir: `${dir}/{user}` }, aJob([{}]))
    const [name = '', more] = await filesOf(dir)
    assert.equal(more, undefined)
    assert.match(name, new RegExp(`^alice/new/${RECEIVED / 1000}\\.Qq1_1R0\\.[^/:,]+,S=${COPY.length}$`))
    assert.equal(await readFile(join(dir, name), 'utf8'), COPY)
    assert.deepEqual(outcomes, [
      { kind: 'delivered', row: 0, remote: `maildir ${dir}/alice (here)`, reply: '', final: true },
    ])
  })

  test('what is made is for nobody else', async t => {
    const dir = await folder(t)
    await deliver({ maildir: `${dir}/{user}` }, aJob([{}]))
    for (const path of ['alice', 'alice/new', 'alice/cur', 'alice/tmp', ...(await filesOf(dir))])
      assert.equal((await stat(join(dir, path))).mode & 0o077, 0, path)
  })

  test('two recipients of one message, and two messages of one second, have files of their own', async t => {
    const dir = await folder(t)
    await deliver({ maildir: dir }, aJob([{}, {}]))
    await deliver({ maildir: dir }, aJob([{}], { id: 'q2.1' }))
    assert.equal((await filesOf(dir)).length, 3)
  })

  test('a name has neither a slash nor a colon in it', () => {
    assert.match(nameOf({ id: '../a:2,S', received: 1999 }, { row: 3 }), /^1\.Q___a_2_SR3\.[A-Za-z0-9._-]+$/)
  })

  test('quarantined mail goes to .Junk, which is made', async t => {
    const dir = await folder(t)
    await deliver({ maildir: dir }, aJob([{ quarantine: 'spam' }]))
    assert.match((await filesOf(dir)).join(), /^\.Junk\/new\/[^/]+$/)
  })

  for (const [tag, wish] of [
    ['shop', /^\.shop\/new\//],
    ['none', /^new\//],
    ['..', /^new\//],
    ['../other', /^new\//],
    ['shop.new', /^new\//],
  ] as const) {
    test(`mail with the tag ${tag} is found by ${wish}`, async t => {
      const dir = await folder(t)
      for (const part of ['new', 'cur', 'tmp']) await mkdir(join(dir, '.shop', part), { recursive: true })
      await deliver({ maildir: dir }, aJob([{ detail: { account: 'aalice', place: 'here', tag } }]))
      assert.match((await filesOf(dir)).join(), wish)
    })
  }
})

describe('a delivery that is made again', () => {
  test('leaves the file in new as it is', async t => {
    const dir = await folder(t)
    for (let i = 0; i < 2; i += 1)
      assert.equal(short((await deliver({ maildir: dir }, aJob([{}]))).outcomes), 'delivered')
    assert.equal((await filesOf(dir)).length, 1)
  })

  for (const [what, more, parts] of [
    ['after an attempt that failed', { tries: 1 }, {}],
    ['after the lease of the first has run out', {}, { now: RECEIVED + 60_000 }],
  ] as const) {
    test(`${what} finds it where a reader has moved it`, async t => {
      const dir = await folder(t)
      await deliver({ maildir: dir }, aJob([{}]))
      const [name = ''] = await readdir(join(dir, 'new'))
      await rename(join(dir, 'new', name), join(dir, 'cur', `${name}:2,S`))
      assert.equal(short((await deliver({ maildir: dir }, aJob([more]), parts)).outcomes), 'delivered')
      assert.deepEqual(await filesOf(dir), [`cur/${name}:2,S`])
    })
  }

  test('is not taken for a mail that was never there', async t => {
    const dir = await folder(t)
    await deliver({ maildir: dir }, aJob([{}]))
    await deliver({ maildir: dir }, aJob([{ tries: 1 }], { id: 'q1.10' }))
    assert.equal((await filesOf(dir)).length, 2)
  })
})

describe('what is refused for now', () => {
  test('a folder whose parent is missing is not made', async t => {
    const dir = await folder(t)
    const { outcomes } = await deliver({ maildir: `${dir}/home/{user}/Maildir` }, aJob([{}]))
    assert.equal(short(outcomes), 'deferred 4.3.5')
    assert.deepEqual(await readdir(dir), [])
  })

  test('with create: false nothing is made', async t => {
    const dir = await folder(t)
    assert.equal(short((await deliver({ maildir: dir, create: false }, aJob([{}]))).outcomes), 'deferred 4.3.5')
    assert.deepEqual(await readdir(dir), [])
  })

  test('a file in its place', async t => {
    const dir = await folder(t)
    await writeFile(join(dir, 'box'), '')
    assert.equal(short((await deliver({ maildir: `${dir}/box` }, aJob([{}]))).outcomes), 'deferred 4.3.5')
  })

  test('a part of it that is a link to elsewhere', async t => {
    const dir = await folder(t)
    for (const part of ['cur', 'tmp', 'other']) await mkdir(join(dir, part))
    await symlink(join(dir, 'other'), join(dir, 'new'))
    assert.equal(short((await deliver({ maildir: dir, ...ANY }, aJob([{}]))).outcomes), 'deferred 4.3.5')
    assert.deepEqual(await readdir(join(dir, 'other')), [])
  })

  test('a folder for junk with a part that is a link to elsewhere', async t => {
    const dir = await folder(t)
    for (const part of ['cur', 'tmp', 'other']) await mkdir(join(dir, '.Junk', part), { recursive: true })
    await symlink(join(dir, '.Junk', 'other'), join(dir, '.Junk', 'new'))
    assert.equal(short((await deliver({ maildir: dir }, aJob([{ quarantine: 'spam' }]))).outcomes), 'deferred 4.3.5')
    assert.deepEqual(await readdir(join(dir, '.Junk', 'other')), [])
  })

  test('a Maildir of another user', { skip: process.geteuid?.() !== 0 }, async t => {
    const dir = await folder(t)
    for (const part of ['new', 'cur', 'tmp']) execFileSync('install', ['-d', '-o', 'games', join(dir, 'alice', part)])
    const place = { maildir: `${dir}/{user}` }
    assert.equal(short((await deliver(place, aJob([{}]))).outcomes), 'deferred 4.3.5')
    assert.equal(short((await deliver({ ...place, ...ANY }, aJob([{}]))).outcomes), 'delivered')
  })

  test('a delivery that is broken off leaves nothing behind, in tmp neither', async t => {
    const dir = await folder(t)
    const job = aJob([{}], {
      chunks: async function* () {
        yield Buffer.alloc(100_000, 'x\r\n')
        throw new Error('the store has gone')
      },
    })
    assert.equal(short((await deliver({ maildir: dir }, job)).outcomes), 'deferred 4.3.0')
    assert.deepEqual(await filesOf(dir), [])
  })

  test('what another delivery left in tmp is not in the way', async t => {
    const dir = await folder(t)
    await deliver({ maildir: dir }, aJob([{}]))
    const [name = ''] = await readdir(join(dir, 'new'))
    await rm(join(dir, 'new', name))
    await writeFile(
      join(dir, 'tmp', `${nameOf({ id: 'q1.1', received: RECEIVED }, { row: 0 })}.${process.pid}`),
      'half',
    )
    assert.equal(short((await deliver({ maildir: dir }, aJob([{}]))).outcomes), 'delivered')
    assert.equal(await readFile(join(dir, 'new', name), 'utf8'), COPY)
  })
})
