/** Mail that comes through the doors of a first start before all is loaded. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CONTENT, Instance } from '../harness/instance.js'

/** Its rest is loaded when the test says so, or is not. */
const LATE = `import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
export default { name: 'late', summary: 'tests', config: { type: 'object' },
  setup: () => ({ async loadRest() {
    const go = new URL('go', import.meta.url)
    const says = () => (existsSync(go) ? readFileSync(go, 'utf8') : '')
    while (!['ok', 'fail'].includes(says())) await sleep(20)
    if (says() === 'fail') throw new Error('the rest is not there')
  } }) }`

const MAIL =
  'From: a@them.test\r\nTo: alice@example.test\r\nSubject: x\r\nMessage-ID: <1@them.test>\r\n\r\nwords\r\n.\r\n'

for (const [how, says, ends] of [
  ['waits for it', 'ok', /^250 /m],
  ['is not taken where that fails', 'fail', undefined],
] as const) {
  test(`mail that comes in before all is loaded ${how}`, async t => {
    const files = { 'late.js': LATE }
    const first = [{ use: './late.js' }]
    const instance = await Instance.make({ files, first, without: CONTENT, users: [['alice', 'a long password']] })
    t.after(() => instance.destroy())
    await instance.start()
    const socket = connect(instance.ports.mx, '127.0.0.1').setEncoding('latin1')
    let heard = ''
    socket.on('data', text => {
      heard += String(text)
    })
    const over = new Promise(resolve => socket.on('error', () => undefined).on('close', resolve))
    for (const [line, code] of [
      ['', '220'],
      ['EHLO them.test', '250'],
      ['MAIL FROM:<a@them.test>', '250'],
      ['RCPT TO:<alice@example.test>', '250'],
      ['DATA', '354'],
    ] as const) {
      heard = ''
      if (line !== '') socket.write(`${line}\r\n`)
      while (!new RegExp(`^${code} .*\r\n$`, 'm').test(heard)) await sleep(5)
    }
    heard = ''
    socket.write(`${MAIL}QUIT\r\n`)
    await sleep(500)
    assert.equal(heard, '')
    await writeFile(join(instance.configDir, 'go'), says)
    await over
    if (ends !== undefined) {
      assert.match(heard, ends)
      return
    }
    assert.doesNotMatch(heard, /^2/)
    while (!instance.over || !instance.log.includes('the rest is not there')) await sleep(20)
    assert.doesNotMatch(instance.log, /"msg":"(filed|message accepted)"/)
  })
}
