/** The client's side of SCRAM against servers that are not what they say, and what it says of channel binding. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ExchangeWish, exchangeFor } from '../../../plugins/mx/client/sasl.js'

const WISH: ExchangeWish = {
  mechanism: 'SCRAM-SHA-256',
  user: 'user',
  secret: 'pencil',
  nonce: 'rOprNGfwEbeRWgbNEkqO',
  plusOffered: false,
}
const SALT = 'W22ZaJ0SNY7soEsUEjb6gQ=='
const NONCE = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'

describe('SCRAM-SHA-256', () => {
  // RFC 7677 §3: the example exchange
  test('says what the RFC says', async () => {
    const exchange = exchangeFor(WISH)
    assert.equal(exchange.initial?.toString(), 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
    const final = await exchange.respond(Buffer.from(`r=${NONCE},s=${SALT},i=4096`))
    assert.equal(final.toString(), `c=biws,r=${NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`)
    assert.equal(exchange.complete, false)
    assert.equal((await exchange.respond(Buffer.from('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='))).length, 0)
    assert.equal(exchange.complete, true)
  })

  for (const [what, first] of [
    ['a nonce that is not ours', `r=another,s=${SALT},i=4096`],
    ['our nonce with nothing added', `r=${WISH.nonce},s=${SALT},i=4096`],
    ['too few iterations', `r=${NONCE},s=${SALT},i=1`],
    ['iterations without end', `r=${NONCE},s=${SALT},i=9999999`],
    ['no salt', `r=${NONCE},i=4096`],
    ['an extension that must be understood', `m=x,r=${NONCE},s=${SALT},i=4096`],
    ['nothing', ''],
  ] as const) {
    test(`is broken off at ${what}`, async () => {
      await assert.rejects(exchangeFor(WISH).respond(Buffer.from(first)), /^Error: SCRAM:/)
    })
  }

  for (const [what, final] of [
    ['another signature', `v=${Buffer.alloc(32).toString('base64')}`],
    ['a short one', 'v=AAAA'],
    ['an error', 'e=other-error'],
    ['nothing', ''],
  ] as const) {
    test(`does not believe a server that proves itself by ${what}`, async () => {
      const exchange = exchangeFor(WISH)
      await exchange.respond(Buffer.from(`r=${NONCE},s=${SALT},i=4096`))
      await assert.rejects(exchange.respond(Buffer.from(final)), /does not prove/)
      assert.equal(exchange.complete, false)
    })
  }

  const exporter = Buffer.alloc(32, 7)
  for (const [what, more, flag] of [
    ['cannot bind', {}, 'n,,'],
    ['could bind and sees no offer', { exporter }, 'y,,'],
    ['could bind, sees the offer and was told to take the other', { exporter, plusOffered: true }, 'n,,'],
    ['binds', { exporter, plusOffered: true, mechanism: 'SCRAM-SHA-256-PLUS' }, 'p=tls-exporter,,'],
  ] as const) {
    test(`says that it ${what}`, async () => {
      const exchange = exchangeFor({ ...WISH, ...more })
      assert.ok(exchange.initial?.toString().startsWith(`${flag}n=`))
      const final = (await exchange.respond(Buffer.from(`r=${NONCE},s=${SALT},i=4096`))).toString()
      const bound = Buffer.concat([Buffer.from(flag), flag.startsWith('p') ? exporter : Buffer.alloc(0)])
      assert.ok(final.startsWith(`c=${bound.toString('base64')},r=`))
    })
  }

  test('takes a password in whichever form it was typed', async () => {
    const said = async (secret: string) =>
      (await exchangeFor({ ...WISH, secret }).respond(Buffer.from(`r=${NONCE},s=${SALT},i=4096`))).toString()
    assert.equal(await said('I\u00adX\u00a0\u2168'), await said('IX IX'))
  })

  test('writes commas and equals signs of a name as the RFC wants it', () => {
    assert.match(exchangeFor({ ...WISH, user: 'a=b,c' }).initial!.toString(), /n=a=3Db=2Cc,/)
  })
})
