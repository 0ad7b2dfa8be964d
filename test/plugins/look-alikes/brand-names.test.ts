/** Brands in display names: whom phishing pretends to be, and people and firms that are only called so. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { trickOfName } from '../../../plugins/look-alikes/names.js'
import { world } from './world.js'

const claimed = (name: string) => trickOfName({ name, local: 'x', domain: 'odd.example' }, world)

describe('a name that others bear too is no claim', () => {
  for (const name of [
    'Chris Norton',
    'Norton, Chris',
    'Maria Santander',
    'Aldi Rossi',
    'Berliner Sparkasse',
    'Sparkasse Musterstadt',
    'Volksbank Freiburg eG',
    'EDEKA Schmidt',
    'Amazon Watch',
    'Microsoft User Group Berlin',
    'Kraken Robotics',
    'Tesla Owners Club',
    'CVS server',
  ])
    test(name, () => assert.equal(claimed(name), undefined))
})

describe('it is one alone, beside words of service and numbers, and in letters that hide it', () => {
  for (const [name, brand] of [
    ['Norton', 'Norton'],
    ['Norton Support 24', 'Norton'],
    ['Microsoft account team', 'Microsoft'],
    ['Amazon.com Customer Support', 'Amazon'],
    ['Sparkasse Kundenservice', 'Sparkasse'],
    ['Your Amazon account', 'Amazon'],
    ['Chris from N\u043erton', 'Norton'],
  ] as const)
    test(name, () => assert.deepEqual([claimed(name)?.trick, claimed(name)?.like], ['claims-brand', brand]))
})

describe('a name that nobody else bears is a claim beside any words', () => {
  for (const [name, brand] of [
    ['Liam from Metamask', 'MetaMask'],
    ['PayPal Winter Offers', 'PayPal'],
  ] as const)
    test(name, () => assert.deepEqual([claimed(name)?.trick, claimed(name)?.like], ['claims-brand', brand]))
})
