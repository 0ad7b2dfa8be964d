/** Received fields of many kinds of servers, and what strangers might write into theirs. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Hop } from '../../../core/api/index.js'
import { readHop, readHops } from '../../../plugins/origin/received.js'

const DATE = 'Fri, 23 Aug 2002 06:06:54 -0400'
const AT = { at: Date.UTC(2002, 7, 23, 10, 6, 54), zone: '-0400' }

const CASES: readonly [server: string, field: string, hop: Hop][] = [
  [
    'Postfix',
    'from client.example (mail.example.net [192.0.2.7]) (using TLSv1.3 with cipher TLS_AES_256 (256/256 bits)) by mx.example.org (Postfix) with ESMTPS id 3AE19 for <a@example.org>',
    {
      helo: 'client.example',
      reverse: 'mail.example.net',
      address: '192.0.2.7',
      by: 'mx.example.org',
      protocol: 'ESMTPS',
    },
  ],
  [
    'Postfix of a host without a name',
    'from client.example (unknown [IPv6:2001:db8::7]) by mx.example.org (Postfix) with ESMTP id 1',
    { helo: 'client.example', address: '2001:db8::7', by: 'mx.example.org', protocol: 'ESMTP' },
  ],
  [
    'Sendmail',
    'from Client.Example (IDENT:root@mail.example.net. [192.0.2.7] (may be forged)) by mx.example.org (8.11.6/8.11.6) with SMTP id g7N1',
    {
      helo: 'client.example',
      reverse: 'mail.example.net',
      address: '192.0.2.7',
      by: 'mx.example.org',
      protocol: 'SMTP',
    },
  ],
  [
    'Exim with a name that was found',
    'from mail.example.net ([192.0.2.7]:38121 helo=client.example) by mx.example.org with esmtp (Exim 4.91) (envelope-from <a@example.net>) id 1h-2-3 for b@example.org',
    {
      helo: 'client.example',
      reverse: 'mail.example.net',
      address: '192.0.2.7',
      by: 'mx.example.org',
      protocol: 'esmtp',
    },
  ],
  [
    'Exim with an address alone',
    'from [192.0.2.7] (port=54108 helo=client.example) by mx.example.org with esmtp (Exim 4.91) id 1h-2-3',
    { helo: 'client.example', address: '192.0.2.7', by: 'mx.example.org', protocol: 'esmtp' },
  ],
  [
    'qmail',
    'from unknown (HELO client.example) (user@192.0.2.7) by mx.example.org with SMTP',
    { helo: 'client.example', address: '192.0.2.7', by: 'mx.example.org', protocol: 'SMTP' },
  ],
  [
    'Exchange',
    'from client.example (192.0.2.7) by mx.example.org (2603:10b6:5:330::24) with Microsoft SMTP Server (version=TLS1_2) id 15.20 via Frontend Transport',
    { helo: 'client.example', address: '192.0.2.7', by: 'mx.example.org', protocol: 'Microsoft' },
  ],
  [
    'Google within its house',
    'by 2002:a05:6a20:3d89:b0:db with SMTP id s9csp1',
    { by: '2002:a05:6a20:3d89:b0:db', protocol: 'SMTP' },
  ],
  ['a program of the host itself', '(from root@localhost) by host.example (8.9.3) id g7N1', { by: 'host.example' }],
  [
    'a literal greeting',
    'from [10.0.0.5] ([192.0.2.7]) by mx.example.org with ESMTPSA',
    {
      ...{ helo: '[10.0.0.5]', address: '192.0.2.7', by: 'mx.example.org', protocol: 'ESMTPSA' },
    },
  ],
]

describe('Received fields', () => {
  for (const [server, field, hop] of CASES)
    test(`of ${server}`, () => assert.deepEqual(readHop(`${field}; ${DATE}`), { ...hop, ...AT }))

  test('without a date, or with one that is none, have no time', () => {
    for (const end of ['', ';', '; yesterday', '; Fri, 99 Aug 2002 06:06:54 -0400'])
      assert.equal(readHop(`by mx.example.org with SMTP${end}`).at, undefined)
  })

  test('are read as far as a bound, and never fail', () => {
    assert.equal(readHops(Array.from({ length: 500 }, () => 'by a.example')).length, 60)
    for (const odd of ['('.repeat(100_000), 'from '.repeat(100_000), `from ${'a'.repeat(1e6)}`, '[[[[', ';;;;', 'from'])
      assert.equal(typeof readHop(odd), 'object')
    fc.assert(fc.property(fc.string({ maxLength: 400 }), text => typeof readHop(text) === 'object'))
  })
})
