/** `brand`: what is a claim and what a mention, and whose sender and links are. The shipped rules show more of it by their own examples. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { messageOf } from '../../../core/storage/message.js'
import { anEnvelope, aSession } from '../../../core/testing/index.js'
import { mailOf } from '../../../plugins/spam-rules/example.js'
import { Facts } from '../../../plugins/spam-rules/facts.js'
import { brandsOf, claimsIn } from '../../../plugins/spam-rules/origin/brands.js'
import { found } from './loading.js'

const FROM = 'From: "Desk" <desk@odd.example>'
const mail = (from: string, text: string, subject = 'Hello') => `${from}\nSubject: ${subject}\n\n${text}`

describe('brand: claimed-elsewhere', () => {
  for (const [what, text, wish] of [
    ['your … account', 'Your PayPal account is closed: https://x71.example/', '"your paypal account" from odd.example'],
    ['the … team', 'Thanks, the Netflix team', '"netflix team" from odd.example'],
    ['a brand of several words', 'Ihr Banco do Brasil Konto', '"ihr banco do brasil konto" from odd.example'],
    ['the foot of a page', '© 2023 PayPal, Inc.', '"(c) paypal" from odd.example'],
    ['in Japanese', 'Dear 三井住友カード customer', '"dear 三井住友カード customer" from odd.example'],
    ['paying with it is a mention', 'You can pay with PayPal or by card.', undefined],
    ['following it is a mention', 'Follow us on Facebook and Instagram!', undefined],
    ['news of it are a mention', 'Netflix raises its prices, says the magazine.', undefined],
    ['a bank of its own may speak of its cards', 'Your Visa card is blocked: https://www.odd.example/', undefined],
    [
      'one link elsewhere is enough',
      'Your Visa card: https://odd.example/ https://x71.example/',
      '"your visa card" from odd.example',
    ],
    ['a link to the brand is its own', 'Your PayPal account: https://www.paypal.com/', undefined],
    ['a host with the name in it is left to look-alikes', 'Your PayPal account: https://my-paypal.example/', undefined],
  ] as const)
    test(what, async () => assert.equal(await found('brand: claimed-elsewhere', mail(FROM, text)), wish))

  test('the brand itself may speak', async () => {
    const own = mail('From: PayPal <service@intl.paypal.com>', 'Your PayPal account: https://x71.example/')
    assert.equal(await found('brand: claimed-elsewhere', own), undefined)
  })

  test('of what is forwarded, its author counts', async () => {
    const forwarded = (author: string) =>
      mail(
        'From: tom@home.example',
        `From: PayPal <${author}>\nSent: today\n\nYour PayPal account is closed.`,
        'Fwd: note',
      )
    assert.equal(await found('brand: claimed-elsewhere', forwarded('service@paypal.com')), undefined)
    assert.match((await found('brand: claimed-elsewhere', forwarded('x@odd.example')))!, /from odd\.example/)
  })
})

describe('brand: lent-sender', () => {
  for (const [what, from, link, wish] of [
    [
      'all links lead elsewhere',
      'contato@bradesco.com.br',
      'https://x71.a.run.app/',
      "From is Bradesco's, links lead to x71.a.run.app",
    ],
    [
      'one link is its own',
      'contato@bradesco.com.br',
      'https://banco.bradesco.com.br/ https://x71.example/',
      undefined,
    ],
    ['it is nobody of note', 'tom@odd.example', 'https://x71.example/', undefined],
    ['there is no link', 'contato@bradesco.com.br', '', undefined],
  ] as const)
    test(what, async () =>
      assert.equal(await found('brand: lent-sender', mail(`From: <${from}>`, `Conta ${link}`)), wish),
    )
})

test('claimed-by-stranger minds no links', async () => {
  const text = 'Your PayPal account: https://www.paypal.com/ https://x71.example/'
  assert.equal(await found('brand: claimed-by-stranger', mail(FROM, text)), '"your paypal account" from odd.example')
})

describe('brands of the site', () => {
  const table = brandsOf({ added: [{ brand: 'Riverside Bank', domains: ['riverside.example'] }], without: ['paypal'] })
  const claimed = async (text: string, brands?: typeof table) => {
    const asked = { session: aSession({}), envelope: anEnvelope({}), message: messageOf(mailOf(mail(FROM, text))) }
    return claimsIn(await Facts.of(asked, 0, brands)).map(({ brand }) => brand.title)
  }

  for (const [what, text, shipped, here] of [
    ['one that was added is seen', 'Your Riverside Bank account', [], ['Riverside Bank']],
    ['one that was left out is not', 'Your PayPal account', ['PayPal'], []],
    ['others are as shipped', 'Your Netflix account', ['Netflix'], ['Netflix']],
  ] as const)
    test(what, async () => {
      assert.deepEqual(await claimed(text), shipped)
      assert.deepEqual(await claimed(text, table), here)
    })

  test('names of both files are one brand', async () => {
    assert.deepEqual(await claimed('Your Ledger Live account, the Ledger Support team'), ['Ledger'])
  })
})

test('domains of a site are found however they are written', async () => {
  const table = brandsOf({
    added: [{ brand: 'Köhler Bank', domains: ['Köhler-Bank.Example', 'KB.example'] }],
    without: [],
  })
  assert.equal(table.ownerOf('www.xn--khler-bank-ecb.example')?.title, 'Köhler Bank')
  assert.equal(table.ownerOf('login.kb.example')?.title, 'Köhler Bank')
})
