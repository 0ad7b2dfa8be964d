import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aMessage, anEnvelope, aSession, setUp } from 'posthouse/testing'
import { ConfigError, definePlugin, reject } from '../../../core/api/index.js'

const retired = definePlugin({
  name: 'retired',
  summary: 'refuses closed addresses',
  config: {
    type: 'object',
    additionalProperties: false,
    required: ['locals'],
    properties: {
      locals: { type: 'array', items: { type: 'string' } },
      text: { type: 'string', default: 'Closed' },
    },
  },
  setup: ({ config }) => ({
    hooks: {
      rcpt: ({ recipient }) => (config.locals.includes(recipient.address.local) ? reject(config.text) : undefined),
    },
  }),
})

test('a plugin is set up with a checked config and its hooks are called', async () => {
  const { hooks, call } = await setUp(retired, { config: { locals: ['alice'] } })
  const envelope = anEnvelope()
  const answer = await hooks.rcpt!({ session: aSession(), envelope, recipient: envelope.recipients[0]! }, call)
  assert.deepEqual(answer, reject('Closed'))
})

test('a config that does not fit is refused as check would refuse it', async () => {
  await assert.rejects(setUp(retired, { config: { local: [] } }), (error: unknown) => {
    assert.ok(error instanceof ConfigError)
    assert.match(error.message, /did you mean "locals"/)
    return true
  })
})

test('a message for hooks is made of text', async () => {
  const message = aMessage('Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\n\nHello\n')
  assert.equal(message.field('subject'), 'grüße')
  assert.equal((await message.text()).body.trim(), 'Hello')
})
