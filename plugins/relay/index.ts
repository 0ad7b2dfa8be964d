/**
 * Who may use us to reach the world: people who logged in, networks named in `trusted`, and mail for domains we relay for.
 * It only claims; core's own guard repeats the question, so a mistake here cannot open a relay.
 */
import { type Address, type Answered, type Asked, definePlugin, reject, type ServerFacts, via } from 'posthouse/api'
import { addressKey } from 'posthouse/text'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    target: { type: 'string', minLength: 1, default: 'mx', description: 'target that carries mail to the world' },
    authenticated: { type: 'boolean', default: true, description: 'people who logged in may send anywhere' },
    trusted: { type: 'boolean', default: true, description: 'networks in `trusted` of server.yaml may send anywhere' },
    own_addresses_only: {
      type: 'boolean',
      default: false,
      description: 'who logged in may only use a sender address of their own account',
    },
  },
} as const

export interface RelayRules {
  readonly target: string
  readonly authenticated: boolean
  readonly trusted: boolean
}

export default definePlugin({
  name: 'relay',
  summary: 'sends mail out for people who logged in, trusted networks and relay domains',
  config: CONFIG,
  setup({ config, server }) {
    return {
      hooks: {
        mail: ({ session, envelope }) =>
          config.own_addresses_only &&
          session.account !== undefined &&
          !owns(session.account.addresses, envelope.sender)
            ? reject('That sender address does not belong to your account', { code: 553, status: '5.7.1' })
            : undefined,
        route: asked => decideRelay(asked, server, config),
      },
    }
  },
})

export function decideRelay(
  { session, recipient }: Pick<Asked['route'], 'session' | 'recipient'>,
  server: Pick<ServerFacts, 'domains' | 'relayDomains'>,
  rules: RelayRules,
): Answered['route'] {
  const { address } = recipient
  if (address.domain === '' || server.domains.has(address.domain)) return undefined
  const allowed =
    // Our own bounces: without them a sender is never told.
    session.protocol === 'internal' ||
    server.relayDomains.has(address.domain) ||
    (rules.authenticated && session.account !== undefined) ||
    (rules.trusted && session.trusted)
  return allowed ? via(rules.target, address) : undefined
}

/** The null sender belongs to everybody: RFC 8098 §3 wants it for read receipts. */
function owns(addresses: readonly string[], sender: Address | null): boolean {
  return sender === null || addresses.includes(addressKey(sender))
}
