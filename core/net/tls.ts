/**
 * TLS of all doors: which versions, ciphers and certificate a connection gets. Certificates are swapped while connections are open:
 * what was begun goes on with the old ones, what begins gets the new ones. A set that does not work is refused whole.
 */
import { constants, createHash, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { ClientCertificates } from '../api/index.js'
import { ByName } from './by-name.js'
import type { TlsMaterial, TlsOffer, TlsPair, TlsSource } from './types.js'

export interface TlsSettings {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** OpenSSL's names with colons between; left out: `CIPHERS`. */
  readonly ciphers?: string
}

/**
 * RFC 9325 §4.2: forward secrecy and authenticated encryption, nothing else. Every mail server and program that speaks TLS 1.2 and was
 * built in the last ten years has one of them; no DHE, which costs five times as much and is no better.
 */
export const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/** RFC 9325 §4.2.1 and 4.4; the first one where OpenSSL is new enough to have it. */
const GROUPS = ['X25519MLKEM768:X25519:P-256:P-384', 'X25519:P-256:P-384']

/** No SHA-1 (RFC 9155) and no SHA-224. */
const SIGNATURES = [
  'ed25519:ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512',
  'rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512',
].join(':')

/** A ticket opens a session no longer than this, whatever it was begun with. */
const SESSION_SECONDS = 3600

/**
 * Compression has leaked secrets (CRIME), and a client that negotiates anew costs us more than itself: RFC 9325 §3.3, 3.5.
 * CHACHA20 goes first for clients that prefer it: those without AES in hardware.
 */
const OPTIONS =
  constants.SSL_OP_NO_COMPRESSION |
  constants.SSL_OP_NO_RENEGOTIATION |
  constants.SSL_OP_CIPHER_SERVER_PREFERENCE |
  constants.SSL_OP_PRIORITIZE_CHACHA

/** Throws when the material does not work. */
export function openTls(settings: TlsSettings, material: TlsMaterial): Tls {
  return new Tls(settings, material)
}

export class Tls implements TlsSource {
  readonly #settings: TlsSettings
  #shelf: Shelf

  constructor(settings: TlsSettings, material: TlsMaterial) {
    this.#settings = settings
    this.#shelf = new Shelf(settings, material)
  }

  /** Throws, and everything stays as it was, when the new material does not work. */
  swap(material: TlsMaterial): void {
    this.#shelf = new Shelf(this.#settings, material)
  }

  get pairs(): readonly TlsPair[] {
    return this.#shelf.material.pairs
  }

  get checksClients(): boolean {
    return this.#shelf.material.clientCa !== undefined
  }

  offer(client: ClientCertificates): TlsOffer {
    return this.#shelf.offer(client)
  }
}

/** One set of certificates with the contexts made of them. */
class Shelf {
  readonly material: TlsMaterial
  readonly #offers = new Map<ClientCertificates, TlsOffer>()

  constructor(settings: TlsSettings, material: TlsMaterial) {
    this.material = material
    const modes: readonly ClientCertificates[] =
      material.clientCa === undefined ? ['none'] : ['none', 'request', 'require']
    for (const mode of modes) this.#offers.set(mode, offerOf(mode, settings, material))
  }

  offer(client: ClientCertificates): TlsOffer {
    const found = this.#offers.get(client)
    if (found === undefined) throw new Error('client certificates are asked for, and there is no client_ca')
    return found
  }
}

interface Held {
  readonly context: SecureContext
  readonly der: Buffer
}

function offerOf(mode: ClientCertificates, settings: TlsSettings, material: TlsMaterial): TlsOffer {
  const byName = new ByName<Held>()
  const sessions = sessionIdOf(mode, material)
  let first: Held | undefined
  for (const pair of material.pairs) {
    const context = createSecureContext(contextOptions(mode, settings, material, pair, sessions))
    const held = { context, der: new X509Certificate(pair.certificate).raw }
    first ??= held
    for (const name of pair.names) byName.add(name, held)
  }
  if (first === undefined) throw new Error('there is no certificate')
  const { context, der } = first
  const options = {
    isServer: true,
    secureContext: context,
    // no context means the first one
    SNICallback: (name: string, done: (error: Error | null, found?: SecureContext) => void) =>
      done(null, byName.find(name)?.context),
    requestCert: mode !== 'none',
    // of a server's socket: OpenSSL says so to a client that has none; whether one leads to the authority is asked afterwards
    rejectUnauthorized: mode === 'require',
  }
  return {
    options,
    certificateFor(name, resumed) {
      if (name !== undefined) return byName.find(name)?.der ?? der
      return resumed && material.pairs.length > 1 ? undefined : der
    },
  }
}

/**
 * A session begun where no certificate was asked for, or another authority was asked, is no way around one. Nor does one outlive our own
 * certificates: the client would bind its login (RFC 5929 §4) to one that we no longer know.
 */
function sessionIdOf(mode: ClientCertificates, { pairs, clientCa }: TlsMaterial): string {
  const kind = JSON.stringify([mode, clientCa, pairs.map(({ certificate }) => certificate)])
  return createHash('sha256').update(kind).digest('hex').slice(0, 32)
}

function contextOptions(
  mode: ClientCertificates,
  { minVersion, ciphers = CIPHERS }: TlsSettings,
  { clientCa, ticketKeys }: TlsMaterial,
  pair: TlsPair,
  sessionIdContext: string,
): SecureContextOptions {
  return {
    cert: pair.certificate,
    key: pair.key,
    // RFC 8996: nothing older than 1.2
    minVersion,
    ciphers,
    ecdhCurve: GROUPS_HERE,
    sigalgs: SIGNATURES,
    honorCipherOrder: true,
    secureOptions: OPTIONS,
    sessionTimeout: SESSION_SECONDS,
    sessionIdContext,
    ...(mode !== 'none' && clientCa !== undefined && { ca: clientCa }),
    ...(ticketKeys !== undefined && { ticketKeys: Buffer.from(ticketKeys, 'base64') }),
  }
}

const GROUPS_HERE = GROUPS.find(works) ?? 'auto'

function works(ecdhCurve: string): boolean {
  try {
    createSecureContext({ ecdhCurve })
    return true
  } catch {
    return false
  }
}
