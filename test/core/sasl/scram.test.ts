/** SCRAM against the exchanges that the RFCs print, and everything a client may get wrong. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelBinding, ScramKeys } from '../../../core/api/index.js'
import type { Turn } from '../../../core/sasl/mechanism.js'
import { scram } from '../../../core/sasl/scram.js'
import { ScramClient, type ScramOptions } from '../../harness/sasl-client.js'
import { keysOf } from './keys.js'

const NONE: ChannelBinding = { data: () => undefined }
const CHANNEL: ChannelBinding = {
  data: type => (type === 'tls-exporter' ? Buffer.alloc(32, 1) : Buffer.alloc(32, 2)),
}

const said = (turn: Turn) => (turn.kind === 'challenge' || turn.kind === 'proven' ? turn.data.toString() : turn.kind)

for (const one of [
  {
    where: 'RFC 5802 §5',
    mechanism: 'SCRAM-SHA-1',
    salt: 'QSXCR+Q6sek8bf92',
    nonce: '3rfcNHYJY1ZVvWVs7j',
    messages: [
      'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL',
      'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
      'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
      'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
    ],
  },
  {
    where: 'RFC 7677 §3',
    mechanism: 'SCRAM-SHA-256',
    salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
    nonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    messages: [
      'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
      'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    ],
  },
] as const) {
  const [clientFirst, serverFirst, clientFinal, serverFinal] = one.messages
  const { mechanism, salt, nonce } = one

  test(`${mechanism} says what ${one.where} prints`, () => {
    const machine = scram({ mechanism, plus: false, plusOffered: false, binding: NONE, nonce })
    assert.deepEqual(machine.respond(Buffer.from(clientFirst)), { kind: 'keys', login: 'user', mechanism })
    assert.equal(said(machine.keys!(keysOf('pencil', mechanism, 4096, salt), 1)), serverFirst)
    assert.equal(said(machine.respond(Buffer.from(clientFinal))), serverFinal)
    assert.equal(machine.respond(Buffer.alloc(0)).kind, 'done')
  })

  test(`our client of ${mechanism} says what ${one.where} prints`, () => {
    const ours = /r=([^,]+)$/.exec(clientFirst)![1]!
    const client = new ScramClient({ mechanism, login: 'user', password: 'pencil', nonce: ours })
    assert.equal(client.initial.toString(), clientFirst)
    assert.equal(client.respond(Buffer.from(serverFirst)).toString(), clientFinal)
    assert.equal(client.respond(Buffer.from(serverFinal)).length, 0)
  })
}

interface Case {
  readonly client?: Partial<ScramOptions>
  readonly binding?: ChannelBinding
  readonly keys?: ScramKeys
  /** How many of the keys are real. */
  readonly known?: number
  /** Changes the client's last message. */
  readonly change?: (final: string) => string
}

const MECHANISM = 'SCRAM-SHA-256'
const SALT = 'W22ZaJ0SNY7soEsUEjb6gQ=='
const KEYS: ScramKeys = keysOf('pencil', MECHANISM, 4096, SALT)
const SEVERAL: ScramKeys = keysOf(['pencil', 'pen', 'chalk'], MECHANISM, 4096, SALT)

/** Plays an exchange to its end, or to what ended it. */
function play({
  client: options,
  binding = NONE,
  keys = KEYS,
  known = keys.candidates.length,
  change = final => final,
}: Case): string {
  const client = new ScramClient({ mechanism: MECHANISM, login: 'user', password: 'pencil', ...options })
  const plus = client.mechanism.endsWith('-PLUS')
  const machine = scram({ mechanism: MECHANISM, plus, plusOffered: binding !== NONE, binding, nonce: 'server-nonce' })
  const asked = machine.respond(client.initial)
  if (asked.kind !== 'keys') return asked.kind
  const first = machine.keys!(keys, known)
  const final = client.respond(Buffer.from(said(first))).toString()
  const judged = machine.respond(Buffer.from(change(final)))
  if (judged.kind !== 'proven') return judged.kind
  return machine.respond(client.respond(judged.data)).kind
}

const bound = (type: 'tls-exporter' | 'tls-server-end-point', data = CHANNEL.data(type)!) => ({
  binding: CHANNEL,
  client: { mechanism: `${MECHANISM}-PLUS`, binding: { type, data } },
})

const CASES: readonly (readonly [what: string, outcome: string, one: Case])[] = [
  ['the right password', 'done', {}],
  ['a wrong password', 'refused', { client: { password: 'pen' } }],
  ['the first of several passwords', 'done', { keys: SEVERAL }],
  ['the last of several passwords', 'done', { keys: SEVERAL, client: { password: 'chalk' } }],
  ['none of several passwords', 'refused', { keys: SEVERAL, client: { password: 'crayon' } }],
  ['keys that were made up to look like more', 'refused', { keys: SEVERAL, known: 2, client: { password: 'chalk' } }],
  ['an account of which no password counts', 'refused', { keys: { ...KEYS, candidates: [] } }],
  ['a login that nobody has, whatever it knows', 'refused', { known: 0 }],
  ['a client that cannot bind, where we can', 'done', { binding: CHANNEL, client: { flag: 'n' } }],
  ['a client that thinks that we cannot bind, where we cannot', 'done', { client: { flag: 'y' } }],
  ['a client that was told that we cannot bind, where we can', 'refused', { binding: CHANNEL, client: { flag: 'y' } }],
  ['a binding without the -PLUS form', 'refused', { binding: CHANNEL, client: { flag: 'p=tls-exporter' } }],
  ['the -PLUS form without a binding', 'refused', { binding: CHANNEL, client: { mechanism: `${MECHANISM}-PLUS` } }],
  ['tls-exporter', 'done', bound('tls-exporter')],
  ['tls-server-end-point', 'done', bound('tls-server-end-point')],
  ['another connection’s tls-exporter', 'refused', bound('tls-exporter', Buffer.alloc(32, 9))],
  ['another server’s certificate', 'refused', bound('tls-server-end-point', Buffer.alloc(32, 9))],
  ['data of the other type', 'refused', bound('tls-exporter', CHANNEL.data('tls-server-end-point'))],
  ['no data behind the header', 'refused', bound('tls-exporter', Buffer.alloc(0))],
  [
    'tls-unique',
    'refused',
    {
      binding: CHANNEL,
      client: { mechanism: `${MECHANISM}-PLUS`, binding: { type: 'tls-unique', data: Buffer.alloc(12) } },
    },
  ],
  ['acting for oneself', 'done', { client: { actFor: 'user' } }],
  ['acting for another', 'refused', { client: { actFor: 'root' } }],
  ['another nonce at the end', 'refused', { change: final => final.replace('server-nonce', 'another-nonce') }],
  ['another header at the end', 'refused', { change: final => final.replace('c=biws', 'c=eSws') }],
  ['a short proof', 'refused', { change: final => final.replace(/p=.*$/, 'p=AAAA') }],
  ['no proof', 'malformed', { change: final => final.replace(/,p=.*$/, '') }],
  ['an extension that must be understood', 'malformed', { change: final => final.replace(',p=', ',m=x,p=') }],
]

for (const [what, outcome, one] of CASES) {
  test(`SCRAM with ${what}: ${outcome}`, () => assert.equal(play(one), outcome))
}

test('of several passwords the one that was proven is told', () => {
  const client = new ScramClient({ mechanism: MECHANISM, login: 'user', password: 'pen' })
  const machine = scram({ mechanism: MECHANISM, plus: false, plusOffered: false, binding: NONE, nonce: 'n' })
  machine.respond(client.initial)
  const proven = machine.respond(client.respond(Buffer.from(said(machine.keys!(SEVERAL, 3)))))
  assert.ok(proven.kind === 'proven')
  assert.deepEqual([proven.login, proven.mechanism, proven.candidate], ['user', MECHANISM, SEVERAL.candidates[1]])
})

test('an unknown extension is passed over, and signed like the rest', () => {
  const machine = scram({
    mechanism: MECHANISM,
    plus: false,
    plusOffered: false,
    binding: NONE,
    nonce: 'n',
  })
  assert.equal(machine.respond(Buffer.from('n,,n=user,r=abc,x=unknown')).kind, 'keys')
})

for (const first of [
  '',
  'n',
  'n,,',
  'n,,n=',
  'n,,n=user',
  'n,,n=user,r=',
  'n,,n=us=er,r=abc',
  'n,,n=us\0er,r=abc',
  'n,,m=x,n=user,r=abc',
  'n,,r=abc,n=user',
  'z,,n=user,r=abc',
  'p=,,n=user,r=abc',
  'n,a=,n=user,r=abc',
  'n,b=x,n=user,r=abc',
  `n,,n=${'u'.repeat(1025)},r=abc`,
  `n,,n=user,r=${'a'.repeat(513)}`,
  `n,,n=user,r=abc${',x=y'.repeat(12)}`,
  'n,,n=user,r=a c',
]) {
  test(`a first message ${JSON.stringify(first.slice(0, 30))} (${first.length}) is malformed`, () => {
    const machine = scram({ mechanism: MECHANISM, plus: false, plusOffered: false, binding: NONE, nonce: 'n' })
    assert.equal(machine.respond(Buffer.from(first)).kind, 'malformed')
  })
}

test('names with comma and equals sign come through, and look-alikes become one', () => {
  const machine = () => scram({ mechanism: MECHANISM, plus: false, plusOffered: false, binding: NONE, nonce: 'n' })
  const loginOf = (first: string) => {
    const turn = machine().respond(Buffer.from(first))
    return turn.kind === 'keys' ? turn.login : turn.kind
  }
  assert.equal(loginOf('n,,n=a=2Cb=3Dc,r=abc'), 'a,b=c')
  assert.equal(loginOf('n,,n=ﬁona,r=abc'), 'fiona')
  assert.equal(loginOf('n,,n=I\u00adX,r=abc'), 'IX')
  assert.equal(loginOf('n,,n=a\u0007b,r=abc'), 'refused')
  assert.equal(loginOf('n,,n=\u00ad,r=abc'), 'refused')
})
