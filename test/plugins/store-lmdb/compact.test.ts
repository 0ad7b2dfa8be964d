/** Making the files of the store small again, with processes of their own, as an admin would. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { SELF } from '../../../plugins/store-lmdb/owner.js'
import { CONTENT, eventually, Instance } from '../../harness/instance.js'
import { sendMail } from '../../harness/send-mail.js'

const HELD = 20
const BIG = `${'x'.repeat(76)}\r\n`.repeat(4000)

describe('posthouse store compact', () => {
  let server: Instance
  let file: string

  before(async () => {
    server = await Instance.make({
      without: CONTENT,
      users: [['alice@example.test', 'secret a']],
      server: { trusted: ['127.0.0.0/8'] },
      plugins: { mx: { allow_private: true, routes: { 'shut.test': '127.0.0.1:1' } } },
    })
    file = join(server.dataDir, 'mail.lmdb')
    await server.start()
    for (let at = 0; at < HELD; at++)
      await sendMail(server.ports.mx, { from: 'a@b.test', to: ['bob@shut.test'], subject: `big-${at}`, text: BIG })
    await sendMail(server.ports.mx, { from: 'a@b.test', to: ['alice@example.test', 'bob@shut.test'], subject: 'kept' })
  })
  after(() => server?.destroy())

  const size = async () => (await stat(file)).size
  const waiting = async (...words: readonly string[]) =>
    (JSON.parse((await server.program(['queue', 'ls', ...words, '--json'])).stdout) as unknown[]).length

  test('is refused while the server runs, and harms nothing', async () => {
    const { code, stderr, stdout } = await server.program(['store', 'compact'])
    assert.equal(code, 1)
    assert.match(stderr + stdout, /mail\.lmdb is in use by process \d+.*: end the server/)
    assert.ok(!existsSync(`${file}.compacting`))
    await sendMail(server.ports.mx, { from: 'a@b.test', to: ['alice@example.test'], subject: 'still here' })
  })

  test('gives back what is free, and everything else is there afterwards', async () => {
    await eventually(async () =>
      (await server.program(['queue', 'drop', 'subject~big', '--yes'])).code === 0 ? true : undefined,
    )
    await eventually(async () => ((await waiting('subject~big')) === 0 ? true : undefined))
    await server.stop()
    const full = await size()
    const { code, stdout, stderr } = await server.program(['store', 'compact', '--json'])
    assert.equal(code, 0, stderr)
    const [mail, state] = JSON.parse(stdout) as { path: string; beforeBytes: number; afterBytes: number }[]
    assert.deepEqual([mail?.path, mail?.beforeBytes, mail?.afterBytes], [file, full, await size()])
    assert.match(state!.path, /state\.lmdb$/)
    assert.ok((await size()) * 4 < full, `${full} before, ${await size()} now`)
    assert.equal(await waiting(), 1)
    await server.start()
    await sendMail(server.ports.mx, { from: 'a@b.test', to: ['alice@example.test'], subject: 'after' })
    const { stdout: audit, code: sound } = await server.program(['queue', 'audit'])
    assert.equal(sound, 0, audit)
    await server.stop()
  })

  test('nobody opens a file that is being compacted', async () => {
    await writeFile(`${file}.compacting`, SELF)
    const { code, stderr } = await server.program(['queue', 'ls'])
    assert.notEqual(code, 0)
    assert.match(stderr, new RegExp(`is being compacted by process ${process.pid}; try again`))
    await rm(`${file}.compacting`)
  })

  test('what a compacter left that died is taken away', async () => {
    await writeFile(`${file}.compacting`, SELF.replace(/^\d+/, '1'))
    await writeFile(`${file}.compact`, 'half')
    assert.equal(await waiting(), 1)
    assert.ok(!existsSync(`${file}.compacting`) && !existsSync(`${file}.compact`))
  })
})
