import assert from 'node:assert/strict'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { CommandError, readMailFile } from '../../../core/api/index.js'

let dir = ''
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'posthouse-mail-file-'))
})
after(() => rm(dir, { recursive: true, force: true }))

for (const [what, written, read] of [
  ['lines as Unix has them', 'a: b\n\nc\n', 'a: b\r\n\r\nc\r\n'],
  ['lines as mail has them', 'a: b\r\n\r\nc\nd\r\n', 'a: b\r\n\r\nc\nd\r\n'],
  ['an mbox line in front', 'From x@example.org Sat Nov 21\na: b\n\nc\n', 'a: b\r\n\r\nc\r\n'],
  ['a field From in front', 'From: x\n\n\xff\n', 'From: x\r\n\r\n\xff\r\n'],
  ['nothing', '', ''],
] as const) {
  test(`a file with ${what} is read as mail`, async () => {
    const file = join(dir, 'mail')
    await writeFile(file, written, 'latin1')
    assert.equal((await readMailFile(file)).toString('latin1'), read)
  })
}

test('what cannot be read, and what is too large, is told to whoever gave the command', async () => {
  const told = (message: RegExp) => (error: unknown) => error instanceof CommandError && message.test(error.message)
  await assert.rejects(readMailFile(join(dir, 'missing')), told(/missing cannot be read: ENOENT/))
  await assert.rejects(readMailFile(dir), told(/cannot be read: EISDIR/))
  const large = join(dir, 'large')
  await writeFile(large, '')
  await truncate(large, 64 * 1024 * 1024 + 1)
  await assert.rejects(readMailFile(large), told(/large is larger than 67108864 octets/))
})
