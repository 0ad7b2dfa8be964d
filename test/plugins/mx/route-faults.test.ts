/** Faults in routes and pools: each with its place, what was expected, and what was probably meant. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../../core/api/index.js'
import type { RoutesConfig } from '../../../plugins/mx/routes/read.js'
import { Routes } from '../../../plugins/mx/routes/routes.js'

const READING = {
  pools: ['bulk', 'main'],
  fault: (path: readonly (string | number)[], message: string) => ({
    file: path.join('/'),
    line: 1,
    column: 1,
    message,
  }),
  file: (name: string) => {
    if (name === 'ca.pem') return '-----BEGIN CERTIFICATE-----'
    if (name === 'empty') return '\n'
    throw new Error(`ENOENT ${name}`)
  },
}
const AUTH = { user: 'a', password: 'b' }

for (const [route, place, message] of [
  ['host', '', 'route: expected host:port, lmtp:host:port or lmtp:unix:/path, found "host"'],
  ['unix:/path', '', 'route: expected host:port, lmtp:host:port or lmtp:unix:/path, found "unix:/path"'],
  [{ hosts: ['a:0'] }, '/hosts/0', 'expected host, host:port or unix:/path, found "a:0"'],
  [{ hosts: [{ host: 'a:25', port: 26 }] }, '/hosts/0/port', 'the port stands in host already: "a:25"'],
  [{ hosts: ['192.0.2.1'], mx: true }, '/hosts/0', 'with mx: true expected a domain, found "192.0.2.1"'],
  [{ mx: true }, '/mx', 'mx: true needs hosts, whose mail hosts are looked up'],
  [{ protocol: 'lmtp' }, '/protocol', 'LMTP needs hosts, as nobody is found by MX for it'],
  [{ from: ['a@'] }, '/from/0', 'expected user@domain, domain, .domain, * or <>, found "a@"'],
  [{ pool: 'blk' }, '/pool', 'there is no pool "blk", did you mean "bulk"?'],
  [{ pool: 'zzzzzz' }, '/pool', 'there is no pool "zzzzzz"; there are: bulk, main'],
  [{ pin: ['x'] }, '/pin/0', 'expected sha256//BASE64 of a key, or SHA-256 of a certificate in 64 hexadecimal digits'],
  [{ ca: 'gone.pem' }, '/ca', 'the file gone.pem cannot be read'],
  [{ ca: 'empty' }, '/ca', 'there is no certificate in empty'],
  [{ ca: 'ca.pem', tls: 'required' }, '/tls', 'ca and pin are of use only with tls: verified, found required'],
  [{ implicit_tls: true, tls: 'none' }, '/tls', 'implicit_tls and tls: none contradict each other'],
  [{ auth: AUTH }, '/auth', 'a login needs hosts: it is not for any mail host of the world'],
  [{ hosts: ['a'], auth: { user: 'a' } }, '/auth', 'expected password_file, token_file or password beside user'],
  [
    { hosts: ['a'], auth: { ...AUTH, token_file: 'empty' } },
    '/auth/token_file',
    'password and token_file: expected only one of them',
  ],
  [{ hosts: ['a'], auth: { user: 'a', password_file: 'gone' } }, '/auth/password_file', 'the file gone cannot be read'],
  [{ hosts: ['a'], auth: { user: 'a', password_file: 'empty' } }, '/auth/password_file', 'the file empty is empty'],
  [{ hosts: ['a'], auth: { ...AUTH, mechanism: 'XOAUTH2' } }, '/auth/mechanism', 'XOAUTH2 goes with token_file'],
  [
    { hosts: ['a'], auth: AUTH, tls: 'none' },
    '/tls',
    'a login is not sent in clear; expected required or verified, or in_clear: true in auth',
  ],
  ...[
    { hosts: ['a'], mx: true, auth: AUTH },
    { hosts: ['a'], mx: true, auth: AUTH, ca: 'ca.pem' },
    { hosts: ['a'], mx: true, auth: AUTH, server_name: 'a', tls: 'required' },
    { hosts: ['a'], mx: true, auth: { ...AUTH, in_clear: true }, server_name: 'a' },
  ].map(
    route =>
      [
        ...[route, '/auth'],
        'with mx: true a login needs server_name or pin and tls: verified, or signed MX records (dns.trust_ad)',
      ] as const,
  ),
] as const) {
  test(`${JSON.stringify(route)}: ${message}`, () => {
    assert.throws(
      () => new Routes({ '*': route } as unknown as RoutesConfig, READING),
      (error: unknown) =>
        error instanceof ConfigError &&
        error.faults.some(fault => fault.file === `routes/*${place}` && fault.message === message),
    )
  })
}

for (const [what, route, validates] of [
  ['a name to look for', { server_name: 'smart.test' }, false],
  ['a pinned key', { pin: ['a'.repeat(64)] }, false],
  ['signed MX records', {}, true],
] as const) {
  test(`a login at the mail hosts of a domain is taken with ${what}`, () => {
    const config = { '*': { hosts: ['a'], mx: true, auth: AUTH, ...route } } as unknown as RoutesConfig
    assert.ok(new Routes(config, { ...READING, validates }))
  })
}

test('all faults are told at once', () => {
  const config = { '*': { from: ['a@'], hosts: ['a:0'], pool: 'x' }, 'b b': 'c' } as unknown as RoutesConfig
  assert.throws(
    () => new Routes(config, READING),
    (error: unknown) => error instanceof ConfigError && error.faults.length === 5,
  )
})

test('a route that is right is taken', () => {
  const config = {
    '*': {
      hosts: [{ host: '[2001:db8::1]:587', weight: 2 }, 'b'],
      auth: AUTH,
      ca: 'ca.pem',
      pool: 'main',
      from: ['<>', '.a.test'],
    },
  } as RoutesConfig
  const route = new Routes(config, READING).find('x.test', { sender: null })
  assert.deepEqual(route?.stops, [
    { kind: 'host', name: '2001:db8::1', port: 587, weight: 2 },
    { kind: 'host', name: 'b', port: 25, weight: 1 },
  ])
  assert.equal(route?.tls?.level, 'verified')
})
