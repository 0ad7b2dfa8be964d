/** The engine over a directory with two accounts, and a client that plays an exchange with it to its end. */
import assert from 'node:assert/strict'
import {
  type Account,
  type Accounts,
  type Authenticator,
  type ChannelBinding,
  type ClientCertificate,
  type Peer,
  reject,
  type SaslStep,
} from '../../../core/api/index.js'
import { type AuthenticatorOptions, authenticatorOf } from '../../harness/authenticator.js'
import { type SaslClient, ScramClient } from '../../harness/sasl-client.js'
import { keysOf } from './keys.js'

export const ANN: Account = { id: 'id-ann', login: 'ann', addresses: ['ann@example.test'] }
export const GONE: Account = { id: 'id-gone', login: 'gone', addresses: [], disabled: true }
export const PASSWORD = 'pencil'
export const SALT = 'W22ZaJ0SNY7soEsUEjb6gQ=='
export const CERTIFICATE: ClientCertificate = {
  fingerprint: 'ab'.repeat(32),
  addresses: ['ann@example.test'],
  hosts: [],
}
export const NONE: ChannelBinding = { data: () => undefined }
export const CHANNEL: ChannelBinding = {
  data: type => (type === 'tls-exporter' ? Buffer.alloc(32, 1) : Buffer.alloc(32, 2)),
}
/** As in TLS 1.2. */
export const END_POINT_ALONE: ChannelBinding = {
  data: type => (type === 'tls-server-end-point' ? Buffer.alloc(32, 2) : undefined),
}
export const NEVER: AbortSignal = new AbortController().signal

export const ACCOUNTS: Accounts = {
  byLogin: async login => [ANN, GONE].find(account => account.login === login),
  byAddress: async () => undefined,
  byId: async () => undefined,
  list: async () => [ANN],
  scramKeys: async (login, mechanism) =>
    login === 'ann' || login === 'gone' ? keysOf(PASSWORD, mechanism, 4096, SALT) : undefined,
  scramShape: () => ({ iterations: 4096, saltBytes: 16 }),
}

export const END = { address: '127.0.0.1', port: 1 }
export const CLEAR: Peer = { id: 'p1', protocol: 'imap', listener: 'imap', remote: END, local: END }
export const SECURE: Peer = { ...CLEAR, tls: { protocol: 'TLSv1.3', cipher: 'x' } }
export const SHOWN: Peer = { ...CLEAR, tls: { protocol: 'TLSv1.3', cipher: 'x', client: CERTIFICATE } }

export function engine(options: AuthenticatorOptions = {}): Authenticator {
  const wrong = reject('wrong', { code: 535, status: '5.7.8' })
  return authenticatorOf((login, password) => (login === 'ann' && password === PASSWORD ? ANN : wrong), {
    accounts: ACCOUNTS,
    ...options,
  })
}

interface Played {
  readonly step: SaslStep
  /** What the server said on the way. */
  readonly challenges: readonly string[]
}

interface Stage {
  readonly peer?: Peer
  readonly binding?: ChannelBinding
  /** Without an initial response. */
  readonly late?: boolean
}

export async function play(authenticator: Authenticator, client: SaslClient, stage: Stage = {}): Promise<Played> {
  const { peer = SECURE, binding = NONE, late = false } = stage
  const wish = { peer, mechanism: client.mechanism, binding, clear: true, signal: NEVER }
  const exchange = authenticator.start(wish)
  assert.ok(exchange !== undefined, `${client.mechanism} is not offered`)
  const challenges: string[] = []
  let step = await exchange.step(late ? undefined : client.initial)
  for (let i = 0; step.kind === 'challenge'; i++) {
    assert.ok(i < 10, 'the exchange does not end')
    challenges.push(step.data.toString())
    step = await exchange.step(client.respond(step.data))
  }
  return { step, challenges }
}

export const SCRAM = (more: object = {}) =>
  new ScramClient({ mechanism: 'SCRAM-SHA-256', login: 'ann', password: PASSWORD, ...more })
