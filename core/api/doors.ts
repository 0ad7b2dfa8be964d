/** What the protocols have in common by which people read their mail: keys of `with:`, listeners, and SASL over lines of base64. */
import { readBase64 } from '../text/base64.js'
import { parseDuration } from '../text/units.js'
import type { SaslExchange, SaslStep } from './accounts.js'
import type { Listener, Log } from './plugin.js'
import type { Infer } from './schema.js'

/** `POP3`, `STLS` and a port as in the examples. */
export function doorKeys(protocol: string, starts: string, [clear, implicit]: readonly [number, number]) {
  const addresses = (description: string, port: number) =>
    ({
      type: 'array',
      description,
      items: { type: 'string', format: 'endpoint', description: 'Address and port.' },
      default: [],
      examples: [[`127.0.0.1:${port}`]],
    }) as const
  return {
    listen: addresses(`Addresses for ${protocol} that starts in clear and offers ${starts}.`, clear),
    listen_tls: addresses(`Addresses for ${protocol} in TLS from the first octet (RFC 8314).`, implicit),
    cleartext_auth: {
      type: 'boolean',
      description: 'Allow logging in without TLS. Passwords can then be read on the way.',
      default: false,
    },
    client_certificates: {
      enum: ['none', 'request', 'require'],
      description: 'Whether clients show a certificate within TLS; needs `tls.client_ca` of server.yaml.',
      default: 'none',
    },
    login_delay: {
      type: 'string',
      format: 'duration',
      description: 'How long the answer to a wrong password waits.',
      default: '1500ms',
    },
    max_logins: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      description: 'Wrong passwords in one connection before it is closed.',
      default: 5,
    },
  } as const
}

type DoorConfig = Infer<{
  readonly type: 'object'
  readonly additionalProperties: false
  readonly properties: ReturnType<typeof doorKeys>
}>

/** Of `doorKeys`, what a session goes by. */
export interface DoorSettings {
  readonly cleartextAuth: boolean
  readonly loginDelayMs: number
  readonly maxLogins: number
}

export function doorSettings({ cleartext_auth, login_delay, max_logins }: DoorConfig): DoorSettings {
  return { cleartextAuth: cleartext_auth, loginDelayMs: parseDuration(login_delay)!, maxLogins: max_logins }
}

/** `imap`, `imap-2`, …, `imaps`, …; a plugin that listens nowhere says so in the log. */
export function doorsOf(
  protocol: Listener['protocol'],
  { listen, listen_tls, client_certificates }: DoorConfig,
  serving: Pick<Listener, 'serve' | 'loaded'>,
  log: Log,
): readonly Listener[] {
  const door =
    (tls: Listener['tls'], stem: string) =>
    (address: string, index: number): Listener => {
      const name = index === 0 ? stem : `${stem}-${index + 1}`
      return { name, protocol, address, tls, clientCertificates: client_certificates, ...serving }
    }
  const doors = [...listen.map(door('starttls', protocol)), ...listen_tls.map(door('implicit', `${protocol}s`))]
  if (doors.length === 0) log.warn({}, `${protocol} listens nowhere: give it \`listen\` or \`listen_tls\``)
  return doors
}

/** How an exchange ended: by its mechanism, or by a line that is no response, with what is wrong with it. */
export type SaslEnd = Exclude<SaslStep, { kind: 'challenge' }> | { readonly kind: 'broken'; readonly text: string }

/**
 * Carries an exchange to its end; the engine bounds the number of steps. `ask` says a challenge and brings the client's line, or
 * `undefined` when it is too long. `=` is an empty initial response (RFC 4959 §3, RFC 5034 §4), and `*` cancels.
 */
export async function carrySasl(
  exchange: SaslExchange,
  initial: string | undefined,
  ask: (challenge: string) => Promise<string | undefined>,
): Promise<SaslEnd> {
  let response = initial === undefined ? undefined : readBase64(initial === '=' ? '' : initial)
  if (initial !== undefined && response === undefined) return { kind: 'broken', text: 'Expected base64' }
  for (;;) {
    const step = await exchange.step(response)
    if (step.kind !== 'challenge') return step
    const line = await ask(step.data.toString('base64'))
    if (line === undefined) return { kind: 'broken', text: 'The response is too long' }
    if (line === '*') return { kind: 'broken', text: 'Authentication cancelled' }
    response = readBase64(line)
    if (response === undefined) return { kind: 'broken', text: 'Expected base64' }
  }
}
