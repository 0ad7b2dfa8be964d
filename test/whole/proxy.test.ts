/** A started server behind a balancer: one PROXY header makes SMTP, IMAP and POP3 alike see the client, and who is no proxy tells nothing. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { CONTENT, Instance } from '../harness/instance.js'

const HEADER = 'PROXY TCP4 192.0.2.77 198.51.100.2 12345 25\r\n'

describe('a server behind a balancer', () => {
  let instance: Instance
  before(async () => {
    instance = await Instance.make({
      without: CONTENT,
      users: [['alice@example.test', 'secret words']],
      server: {
        proxy: { listeners: ['mx', 'imap', 'pop3'], networks: ['127.0.0.1'] },
        xclient: ['192.0.2.77'],
        limits: { connections_per_network: 2 },
      },
    })
    await instance.start()
  })
  after(() => instance.destroy())

  /** The balancer's header at once, the rest behind the greeting: who speaks before it is refused. */
  async function say(port: number, text: string): Promise<string> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => undefined)
    const header = /^PROXY .*\r\n/.exec(text)?.[0]
    if (header === undefined) socket.end(text)
    else {
      socket.write(header)
      socket.once('data', () => socket.end(text.slice(header.length)))
    }
    let heard = ''
    for await (const chunk of socket) heard += chunk
    return heard
  }

  test('takes mail from the client the balancer names, and says so in the log', async () => {
    const mail =
      'HELO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\nSubject: x\r\n\r\ny\r\n.\r\nQUIT\r\n'
    assert.match(await say(instance.ports.mx, HEADER + mail), /^220 [\s\S]*\r\n250 2\.0\.0 [\s\S]*221 /)
    await instance.logged(/"remote":"192\.0\.2\.77"[^\n]*message accepted/)
  })

  test('greets in IMAP and POP3 behind the header, and closes without one', async () => {
    assert.match(await say(instance.ports.pop3, `${HEADER}QUIT\r\n`), /^\+OK .*\r\n\+OK /)
    assert.match(await say(instance.ports.imap, `${HEADER}a LOGOUT\r\n`), /^\* OK [\s\S]*a OK /)
    assert.equal(await say(instance.ports.imap, 'a LOGOUT\r\n'), '')
    assert.equal(await say(instance.ports.mx, 'HELO c.test\r\nQUIT\r\n'), '')
  })

  test('lets the filter the balancer names speak for its clients, and nobody else', async () => {
    const xclient = 'EHLO f.test\r\nXCLIENT ADDR=192.0.2.5\r\nQUIT\r\n'
    assert.match(await say(instance.ports.mx, HEADER + xclient), /XCLIENT NAME ADDR [\s\S]*\r\n220 [\s\S]*221 /)
    const other = HEADER.replace('.77', '.78')
    assert.match(await say(instance.ports.mx, other + xclient), /\r\n502 5\.5\.1 /)
  })

  test('counts the connections of a network behind the balancer', async t => {
    const held = Array.from({ length: 2 }, () => {
      const socket = connect(instance.ports.mx, '127.0.0.1')
      t.after(() => socket.destroy())
      socket.write(HEADER.replace('.77', '.200').replace('192.0.2', '203.0.113'))
      return new Promise(resolve => socket.once('data', resolve))
    })
    await Promise.all(held)
    const more = HEADER.replace('192.0.2.77', '203.0.113.9')
    assert.match(await say(instance.ports.imap, `${more}a LOGOUT\r\n`), /^\* BYE \[UNAVAILABLE\]/)
    assert.match(await say(instance.ports.imap, `${HEADER}a LOGOUT\r\n`), /^\* OK /)
  })
})
