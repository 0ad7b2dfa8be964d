/**
 * Every way we know of to make a mail server carry a stranger's mail to the world, tried on a started server; and what it had said
 * 250 to when it was killed.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { Instance } from '../harness/instance.js'
import { ALIASES, OURS, PATHS, talk } from '../harness/relay-attempts.js'

describe('a stranger', () => {
  let instance: Instance
  before(async () => {
    instance = await Instance.make({
      users: [['alice@example.test', 'secret words']],
      server: { domains: OURS, relay_domains: ['relayed.test'] },
      files: { 'aliases.yaml': ALIASES },
    })
    await instance.start()
  })
  after(() => instance.destroy())

  for (const [path, wish] of PATHS) {
    test(`names ${path} and hears ${wish.source}`, async () => {
      const heard = await talk(instance.ports.mx, ['EHLO c.test', 'MAIL FROM:<s@far.test> SMTPUTF8', `RCPT TO:${path}`])
      assert.match(heard[2]!, wish)
    })
  }

  test('is no friend because of a sender address or greeting of ours', async () => {
    const commands = ['EHLO example.test', 'MAIL FROM:<alice@example.test>', 'RCPT TO:<x@world.test>']
    assert.match((await talk(instance.ports.mx, commands))[2]!, /^550 5\.7\.1 /)
    assert.match((await talk(instance.ports.lmtp, ['LHLO example.test', ...commands.slice(1)]))[2]!, /^550 5\.7\.1 /)
  })

  test('of whose mail we have said 250 it is all there, though we are killed at that moment', async () => {
    for (const octets of [1_000, 300_000]) {
      const envelope = [
        'EHLO c.test',
        'MAIL FROM:<s@far.test>',
        'RCPT TO:<alice@example.test>',
        'RCPT TO:<x@relayed.test>',
      ]
      const text = `Subject: of ${octets}\r\n\r\n${'0123456789'.repeat(octets / 10)}\r\n.`
      assert.match((await talk(instance.ports.mx, [...envelope, 'DATA', text])).at(-1)!, /^250 /)
    }
    await instance.stop('SIGKILL')
    const queued = await instance.cli(['queue', 'ls', '--json'])
    assert.equal((JSON.parse(queued.stdout) as unknown[]).length, 2, queued.stderr)
    await instance.start()
    const sizes = await listed(instance.ports.pop3s, 'alice@example.test', 'secret words')
    assert.deepEqual(
      sizes.map(size => Math.floor(size / 1000)),
      [1, 300],
    )
  })
})

/** The sizes of all messages of a mailbox, by POP3. */
async function listed(port: number, user: string, password: string): Promise<number[]> {
  const socket = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  socket.write(`USER ${user}\r\nPASS ${password}\r\nLIST\r\nQUIT\r\n`)
  let text = ''
  for await (const chunk of socket as AsyncIterable<Buffer>) text += chunk.toString('latin1')
  return [...text.matchAll(/^\d+ (\d+)\r$/gm)].map(found => Number(found[1]))
}
