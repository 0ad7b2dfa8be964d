/** `posthouse explain schedule`, from outside: the schedule of an install in times of day. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../../../core/main.js', import.meta.url))
const SERVER = `name: mail.us.test
domains: [us.test]
listeners: []
queue:
  retry: [15m, 1h, 6h]
  expire: 1d
  expire_for: { bounces: 2h }
  lanes:
    - { match: [slow.test], target: mx, retry: [12h] }
`
const PLUGINS = '- use: store-memory\n- use: mx\n'

describe('explain schedule', () => {
  let dir = ''
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'posthouse-schedule-'))
    await writeFile(join(dir, 'server.yaml'), SERVER)
    await writeFile(join(dir, 'plugins.yaml'), PLUGINS)
  })
  after(() => rm(dir, { recursive: true, force: true }))

  const run = (...args: readonly string[]) =>
    new Promise<{ code: number; out: string; err: string }>(resolve => {
      const line = [PROGRAM, 'explain', 'schedule', '--config', dir, ...args]
      const child = execFile(process.execPath, line, (_, out, err) => resolve({ code: child.exitCode ?? -1, out, err }))
    })

  test('tells attempts, warnings and the end, for every rule and class of senders', async () => {
    const { code, out } = await run('--from', '2026-01-01 10:00')
    assert.equal(code, 0)
    for (const expected of [
      'by mx to slow.test, from others, trusted networks, people who log in, mail of low priority\n' +
        '  2026-01-01  10:00 14:00\n  2026-01-02  02:00\n  told late   2026-01-01 14:00\n' +
        '  returned    2026-01-02 02:00 (after 16h of 1d)\n',
      'to everything else, from bounces\n  2026-01-01  10:00 10:15 11:15\n  told late   never\n',
    ])
      assert.ok(out.includes(expected), `${expected}\nis not in\n${out}`)
    assert.match(out, /greylists is tried at 10:02 10:07 10:17/)
  })

  test('tells of one destination by the way its mail goes', async () => {
    const { out } = await run('slow.test', '--json', '--from', '2026-01-01 10:00')
    const { schedules } = JSON.parse(out) as { schedules: { target: string; lane: string; match: string[] }[] }
    assert.deepEqual(
      [...new Set(schedules.map(one => `${one.target} ${one.lane} ${one.match}`))],
      ['mx slow.test slow.test'],
    )
  })

  test('says what is wrong with its words', async () => {
    const [domain, time] = await Promise.all([run('no domain!'), run('--from', 'noon')])
    assert.deepEqual([domain.code, time.code], [2, 2])
    assert.match(domain.err, /"no domain!" is no domain/)
    assert.match(time.err, /expected a time such as/)
  })
})
