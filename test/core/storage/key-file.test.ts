/** Keys of the install: whole after a power cut, or not there. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { KEY_BYTES, keyIn } from '../../../core/storage/key-file.js'

function freshFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'key-file-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The class is exported nowhere. */
async function handles(folder: string): Promise<FileHandle> {
  const handle = await open(folder, 'r')
  await handle.close()
  return Object.getPrototypeOf(handle) as FileHandle
}

test('a key is on disk before it stands in its place, and its place is after that', async t => {
  const folder = freshFolder(t)
  const path = join(folder, 'one.key')
  const prototype = await handles(folder)
  const { sync } = prototype
  const synced: string[] = []
  t.mock.method(prototype, 'sync', async function (this: FileHandle) {
    const what = (await this.stat()).isDirectory() ? 'folder' : `${(await this.stat()).size} octets`
    synced.push(`${what}, ${existsSync(path) ? 'in place' : 'aside'}`)
    await sync.call(this)
  })
  const key = await keyIn(path)
  assert.deepEqual(synced, [`${KEY_BYTES} octets, aside`, 'folder, in place'])
  assert.ok(readFileSync(path).equals(key))
  assert.deepEqual(readdirSync(folder), ['one.key'])
})

test('a key that is there is read, and nothing is written', async t => {
  const path = join(freshFolder(t), 'one.key')
  const key = await keyIn(path)
  assert.ok((await keyIn(path)).equals(key))
})

test('a file that holds anything else is refused, and stays', async t => {
  const path = join(freshFolder(t), 'one.key')
  writeFileSync(path, 'short')
  await assert.rejects(keyIn(path), /is not a key: expected 32 octets/)
  assert.equal(readFileSync(path, 'utf8'), 'short')
})
