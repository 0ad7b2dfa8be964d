/** Our queue id in Received fields. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idTime, newId, queueIdIn, queueIdsBy } from '../../../core/text/index.js'

const ID = '1m80cb19mbcmqkwj.1'
const OURS = `from by (mail.example.net [192.0.2.1]) by mx.example.org with ESMTPS id ${ID} (using TLSv1.3 with cipher X) for <a@b.example>; today`

test('the id of the first Received field that has one', () => {
  const fields = `Return-Path: <x@y.example>\r\nReceived: ${OURS.replaceAll(' ', '\r\n\t')}\r\nX: by x id 0000000000000000.2\r\n`
  assert.equal(queueIdIn(fields), ID)
})

for (const none of [
  '',
  'X: y\r\n',
  'Received: from a by b with SMTP; today\r\n',
  'Received: from a by b with SMTP id TOO-SHORT; x\r\n',
])
  test(`no id in ${JSON.stringify(none)}`, () => assert.equal(queueIdIn(none), undefined))

test('ids of one host alone, the last hop first, each once', () => {
  const other = OURS.replace('mx.example.org', 'evil.example').replace(ID, '1m80cb19mbcmqkwj.9')
  const later = OURS.replace(ID, '1m90cb19mbcmqkwj.2').replace('mx.example.org', 'MX.example.org')
  assert.deepEqual(queueIdsBy('mx.example.org', [later, other, OURS, OURS]), ['1m90cb19mbcmqkwj.2', ID])
})

test('an id tells when it was made, with what stands behind it or without', () => {
  const now = Date.UTC(2030, 5, 1, 12, 30, 15, 123)
  for (const tail of ['', '.1', '.1.20']) assert.equal(idTime(newId(now) + tail), now)
  for (const none of ['', 'q1', 'alice@example.org', `${newId(now)}x`, newId(now).slice(1), `${newId(now).slice(1)}u`])
    assert.equal(idTime(none), undefined, none)
})
