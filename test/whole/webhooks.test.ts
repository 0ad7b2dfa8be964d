/** Webhooks of a whole server: mail comes in, events go out, also those that waited while the server was down. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { sendMail } from '../harness/send-mail.js'
import { Receiver, SECRET, status } from '../plugins/webhooks/receiver.js'

const ALICE = 'alice@example.test'

describe('a started server with a webhook', () => {
  let instance: Instance
  let receiver: Receiver

  before(async () => {
    receiver = await Receiver.start()
    const hooks = [{ url: receiver.url, secret_file: 'webhook.secret', networks: ['127.0.0.0/8'] }]
    instance = await Instance.make({
      without: CONTENT,
      users: [[ALICE, 'correct horse']],
      first: [{ use: 'webhooks', with: { hooks, retry: ['200ms'] } }],
      files: { 'webhook.secret': SECRET },
    })
    await instance.start()
  })
  after(async () => {
    await instance?.destroy()
    await receiver?.stop()
  })

  const send = (subject: string) => sendMail(instance.ports.mx, { from: 'x@them.test', to: [ALICE], subject })
  const events = () => receiver.heard.flatMap(one => one.events)
  const told = (count: number) => eventually(async () => (events().length >= count ? events() : undefined))

  test('tells that mail was accepted and delivered', async () => {
    await send('one')
    const kinds = (await told(2)).map(({ kind }) => kind)
    assert.deepEqual(kinds, ['accepted', 'delivered'])
    assert.ok(receiver.heard.every(({ signed }) => signed))
  })

  test('keeps what the receiver did not take over a restart', async () => {
    receiver.answer = status(503)
    receiver.heard.length = 0
    await send('two')
    await told(1)
    assert.match((await instance.cli(['webhooks', 'ls'])).stdout, /2 waiting.*last trouble .* answered 503/)
    await instance.stop()
    receiver.answer = status(200)
    receiver.heard.length = 0
    await instance.start()
    assert.deepEqual(
      (await told(2)).map(({ kind }) => kind),
      ['accepted', 'delivered'],
    )
  })

  test('test and replay work beside it', async () => {
    const tried = await instance.cli(['webhooks', 'test', receiver.url])
    assert.match(tried.stdout, /answered 200/)
    assert.match((await instance.cli(['webhooks', 'replay'])).stdout, /0 waiting, tried now/)
  })
})
