/**
 * Talking to the authority (RFC 8555) through acme-client, which is loaded when first needed. Every request has its end, and so has the
 * order; names are not looked up and nothing is asked of anybody but the directory that the admin has named.
 */
import { readFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import type acme from 'acme-client'
import { printable } from 'posthouse/text'
import { comeLater } from './come-later.js'
import type { Drawer } from './drawer.js'
import type { Settings } from './settings.js'

type Acme = typeof acme

const REQUEST_MS = 30_000
const ORDER_MS = 10 * 60_000
const REQUEST_TRIES = { retryMaxAttempts: 2, retryDefaultDelay: 2 }
const MAX_RESPONSE = 1024 * 1024
/** Between looks at an order or challenge. */
const POLL_MS = { backoffAttempts: 20, backoffMin: 1000, backoffMax: 20_000 }

/** Key and chain in PEM. Rejects with a sentence of the authority (`ComeLater` when it wants to be left alone for long), or when it takes too long. */
export async function order(settings: Settings, drawer: Drawer, signal: AbortSignal): Promise<string> {
  const acme = await load(settings.ca)
  const ending = AbortSignal.any([signal, AbortSignal.timeout(ORDER_MS)])
  const end = new Promise<never>((_, reject) => {
    ending.addEventListener('abort', () => reject(new Error('the authority took too long, or the server ends')), {
      once: true,
    })
  })
  const ordering = place(acme, settings, drawer)
  // what is still under way at the end has nobody who waits for it
  ordering.catch(() => undefined)
  return await Promise.race([ordering, end])
}

async function load(ca: string | undefined): Promise<Acme> {
  const { default: acme } = await import('acme-client')
  const { defaults } = acme.axios
  defaults.timeout = REQUEST_MS
  defaults.maxContentLength = MAX_RESPONSE
  // in no types; its own defaults have a person at the terminal wait for over a minute when nobody is there
  const { acmeSettings } = defaults as { acmeSettings?: object }
  Object.assign(defaults, { acmeSettings: { ...acmeSettings, ...REQUEST_TRIES } })
  defaults.transformResponse = [...transformers(defaults.transformResponse), leftAlone]
  if (ca !== undefined) defaults.httpsAgent = new Agent({ ca: await readFile(ca) })
  return acme
}

type Transformers = Acme['axios']['defaults']['transformResponse']
type Transformer = Extract<NonNullable<Transformers>, (...args: never[]) => unknown>

/** Those that were there, whoever put them there. */
function transformers(given: Transformers): readonly Transformer[] {
  return [given ?? []].flat().filter(one => one !== leftAlone)
}

/** Here and not later, as acme-client would wait for as long as `Retry-After` says, be it hours. Throws `ComeLater`. */
const leftAlone: Transformer = (said, headers, status) => {
  const later = comeLater({ status, retryAfter: headers?.['retry-after'], said }, Date.now())
  if (later !== undefined) throw later
  return said
}

async function place(acme: Acme, settings: Settings, drawer: Drawer): Promise<string> {
  const { directory, email, names, challenge: kind, keyType } = settings
  const accountKey = await drawer.accountKey(directory, async () => String(await acme.crypto.createPrivateEcdsaKey()))
  const client = new acme.Client({ directoryUrl: directory, accountKey, ...POLL_MS })
  const key =
    keyType === 'rsa' ? await acme.crypto.createPrivateRsaKey(2048) : await acme.crypto.createPrivateEcdsaKey()
  const [, csr] = await acme.crypto.createCsr({ altNames: [...names] }, key)
  const chain = await client.auto({
    csr,
    termsOfServiceAgreed: true,
    ...(email !== undefined && { email }),
    challengePriority: [kind],
    // it would look the names up by itself and ask them
    skipChallengeVerification: true,
    async challengeCreateFn(authorization, challenge, keyAuthorization) {
      const name = authorization.identifier.value
      if (challenge.type !== kind) throw new Error(`the authority does not offer ${kind} for ${printable(name, 255)}`)
      if (!names.includes(name))
        throw new Error(`the authority asks for ${printable(name, 255)}, which was not ordered`)
      if (kind === 'http-01') return await drawer.putAnswer(challenge.token, keyAuthorization)
      // RFC 8737 §3: a certificate for the name that holds the digest of the key authorization
      const [alpnKey, certificate] = await acme.crypto.createAlpnCertificate(authorization, keyAuthorization)
      await drawer.putAnswer(alpnAnswer(name), `${alpnKey}\n${certificate}`)
    },
    async challengeRemoveFn(authorization, challenge) {
      await drawer.removeAnswer(kind === 'http-01' ? challenge.token : alpnAnswer(authorization.identifier.value))
    },
  })
  return `${key}\n${chain}`
}

/** Not what a token can be. */
export function alpnAnswer(name: string): string {
  return `alpn.${name}`
}
