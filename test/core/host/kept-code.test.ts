/** Where compiled code may be kept: whoever can write there has us run it. */
import assert from 'node:assert/strict'
import { chmod, lstat, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { codeFolder } from '../../../core/host/kept-code.js'

let dir = ''
let data = ''

beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'posthouse-code-')))
  data = join(dir, 'data')
  await mkdir(data, { mode: 0o700 })
  await writeFile(join(dir, 'server.yaml'), 'name: mail.example.test\ndata: ./data # here\n')
})
afterEach(() => rm(dir, { recursive: true, maxRetries: 5 }))

test('code is kept in a folder of the data directory that nobody else may look into', async () => {
  assert.equal(codeFolder(dir), join(data, 'kept-code'))
  assert.equal((await lstat(join(data, 'kept-code'))).mode & 0o777, 0o700)
  assert.equal(codeFolder(dir), join(data, 'kept-code'), 'and found again')
})

const UNSAFE: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['there is no configuration', () => rm(join(dir, 'server.yaml'))],
  ['there is no data directory', () => rm(data, { recursive: true })],
  ['server.yaml names none', () => writeFile(join(dir, 'server.yaml'), 'name: mail.example.test\n')],
  ['others may write to the data directory', () => chmod(data, 0o770)],
  ['others may write to the directory above it', () => chmod(dir, 0o777)],
  ['others may look into the folder', () => mkdir(join(data, 'kept-code'), { mode: 0o755 })],
  [
    'the folder is a link',
    async () => {
      await mkdir(join(dir, 'elsewhere'), { mode: 0o700 })
      await symlink(join(dir, 'elsewhere'), join(data, 'kept-code'))
    },
  ],
]

for (const [why, make] of UNSAFE) {
  test(`none is kept where ${why}`, async () => {
    await make()
    assert.equal(codeFolder(dir), undefined)
  })
}

test('root keeps none where its workers become another user', { skip: process.geteuid?.() !== 0 }, async () => {
  await writeFile(join(dir, 'server.yaml'), 'data: ./data\nuser: nobody\n')
  assert.equal(codeFolder(dir), undefined)
})
