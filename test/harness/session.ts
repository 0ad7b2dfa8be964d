/** Sessions and envelopes for tests that call hooks and core parts directly. */
import type { Address } from '../../core/api/index.js'

export { aMessage, anEnvelope, aServer, aSession } from '../../core/testing/asked.js'

export const ALICE: Address = { local: 'alice', domain: 'example.test' }
export const STRANGER: Address = { local: 'stranger', domain: 'elsewhere.test' }
