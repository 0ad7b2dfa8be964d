/** What mail is held against in these tests: a house of ours, a partner, a director, and the shipped brands. */
import type { AuthFacts } from '../../../core/api/index.js'
import { filesIn } from '../../../core/config/files.js'
import { setUp } from '../../../core/testing/index.js'
import { shippedBrands } from '../../../plugins/look-alikes/brands.js'
import { type Config, worldOf } from '../../../plugins/look-alikes/config.js'
import lookAlikes from '../../../plugins/look-alikes/index.js'

export const CONFIG = {
  domains: ['northernbank.example', 'partnerworks.example'],
  neighbours: ['northernbark.example'],
  people: [{ name: 'Maria Director', addresses: ['maria.director@gmail.com'] }],
  brands: [{ brand: 'Gardenia', alone: false, domains: ['gardenia.example'], words: ['gardenia'] }],
  without_brands: ['Adobe'],
  forwarders: ['lists.example'],
}
export const OWN = new Set(['posthouse.test'])

export const world = worldOf(
  { ...CONFIG, enforce: 'off', points: {} as Config['points'] },
  await shippedBrands(filesIn('/nowhere')),
  { domains: OWN },
)

export function plugin(config: object = {}, services: Parameters<typeof setUp>[1] = {}) {
  return setUp(lookAlikes, { config: { ...CONFIG, ...config }, server: { domains: OWN }, ...services })
}

/** What mail-auth would have found, all of it in vain. */
export function authFacts(more: Partial<AuthFacts> = {}): AuthFacts {
  return {
    ...{ dkim: [], vouching: [], questions: 0 },
    dmarc: { result: 'none', domain: 'posthouse.test', disposition: 'none', why: '' },
    mailFrom: { result: 'none', domain: 'posthouse.test', why: '' },
    ...more,
  }
}
