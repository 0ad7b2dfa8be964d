/**
 * Seals mail that goes on to somewhere else (ARC, RFC 8617): by an alias, or to a domain we relay for. Who gets it sees what we saw when it came
 * (what `mail-auth` found; without it little), though SPF fails by then. Chains of others are checked when mail arrives, before anything of it could change.
 */
import {
  type Answered,
  type ArcLink,
  type Asked,
  awaitedLater,
  type Call,
  definePlugin,
  type Message,
  type Metrics,
  type SigningKey,
  type SigningKeys,
} from 'posthouse/api'
import { Beside, digestMessage, digestOf, type MessageDigest, toAsciiDomain, type WantedForms } from 'posthouse/text'
import { type Chain, isArcField, MOST_SETS, readChain } from './chain.js'
import { ownResults, parts } from './results.js'
import { sealFields } from './seal.js'
import type { SetTexts } from './seal-input.js'
import { bodyFormsOf, type ChainStatus, type ValidateParts, validate } from './validate.js'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    domain: {
      type: 'string',
      format: 'domain',
      description: 'whose key seals; left out: our first domain. Keys are those of the plugin dkim',
    },
    all: {
      type: 'boolean',
      default: false,
      description: 'seal everything that goes out, also what we or our own people wrote',
    },
  },
} as const

/** After so many attempts a chain whose keys cannot be looked up has failed (RFC 8617 §5.2.1: every failure is for good). */
const PATIENCE = 3
const VALIDATE_MS = 20_000

export default definePlugin({
  name: 'arc',
  summary: 'seals mail that goes on to somewhere else (ARC), and checks the chain it comes with',
  config: CONFIG,
  needs: ['signing-keys'],
  supplies: ['arc-chains'],
  setup({ config, server, dns, clock, log, metrics, services, signal }) {
    const [first = server.name] = server.domains
    const domain = toAsciiDomain(config.domain ?? first) ?? first
    const validating = (call: Call): ValidateParts => ({
      dns,
      now: clock.now(),
      signal: AbortSignal.any([signal, call.signal, AbortSignal.timeout(VALIDATE_MS)]),
    })
    const arrived = new Beside<Message, Promise<Checked | undefined>>()
    const chainOfArrival = ({ session, message }: Asked['score'], call: Call): Promise<Checked | undefined> => {
      const foreign = session.account === undefined && !session.trusted && session.protocol !== 'internal'
      if (!foreign || !dns.configured || !message.header.some(({ name }) => isArcField(name)))
        return Promise.resolve(undefined)
      const there = arrived.get(message)
      if (there !== undefined) return there
      const found = awaitedLater(
        statusOf(wanted => digestOf(message, wanted), validating(call)).catch((error: unknown) => {
          // Asked again when it goes out; who files it here has lost nothing.
          log.info({ id: session.id, err: error }, 'ARC chain cannot be checked now')
          return undefined
        }),
      )
      arrived.set(message, found)
      return found
    }
    return {
      services: { 'arc-chains': { whole: async (asked, call) => linksOf(await chainOfArrival(asked, call)) } },
      hooks: {
        async headers(asked, call) {
          const found = await chainOfArrival(asked, call)
          return found && { name: 'Authentication-Results', value: `${server.name}; ${resultOf(found, metrics)}` }
        },
        async sign(asked, call) {
          if (asked.job.submitter !== undefined && !config.all) return undefined
          const key = await keyOf(services.get('signing-keys'), domain, call)
          if (key === undefined) return undefined
          return seal(asked, call, { key, server: server.name, dns, validating: validating(call), metrics })
        },
      },
    }
  },
})

/** Unlike a signature of our own, a seal is no reason to keep mail waiting. */
async function keyOf(all: SigningKeys, domain: string, call: Call): Promise<SigningKey | undefined> {
  try {
    const keys = await all.inUse(domain)
    // Who does not know Ed25519 (RFC 8463) finds the whole chain broken, which is worse than no seal of ours.
    return keys.find(({ algorithm }) => algorithm === 'rsa-sha256')
  } catch (error) {
    call.log.warn({ err: error, domain }, 'mail goes on without a seal')
    return undefined
  }
}

interface Checked {
  readonly chain: Chain
  readonly status: ChainStatus
}

/** Of a chain that is whole. */
function linksOf(found: Checked | undefined): readonly ArcLink[] | undefined {
  if (found?.chain.kind !== 'sets' || found.status.cv !== 'pass') return undefined
  return found.chain.sets.map(({ results, seal: own }) => ({
    sealer: toAsciiDomain(own.tags.get('d') ?? '') ?? '',
    // instance and server stand in front
    results: parts(results.text.replace(/\r?\n/g, '')).slice(2),
  }))
}

type Digesting = (wanted: WantedForms) => Promise<MessageDigest>

async function statusOf(digesting: Digesting, parts: ValidateParts): Promise<Checked> {
  const { chain, digest } = await chainOf(digesting)
  return { chain, status: await validate(chain, digest, parts) }
}

/** The body is read once, in the forms that its newest signature and (`also`) one of ours want. */
async function chainOf(digesting: Digesting, also?: 'relaxed') {
  let chain: Chain = { kind: 'none' }
  const digest = await digesting(header => {
    chain = readChain(header)
    return [...bodyFormsOf(chain), ...(also === undefined ? [] : [also])]
  })
  return { chain, digest }
}

/** RFC 8617 §7.2: what we found, for who comes after us. */
function resultOf({ status }: Checked, metrics: Metrics): string {
  metrics.count(`chain-${status.cv}`)
  return status.cv === 'fail' ? `arc=fail (${inComment(status.why)})` : `arc=${status.cv}`
}

function inComment(text: string): string {
  return text.replace(/[^A-Za-z0-9 .,:=_-]/g, '?').slice(0, 200)
}

interface SealParts {
  readonly key: SigningKey
  readonly server: string
  readonly dns: { readonly configured: boolean }
  readonly validating: ValidateParts
  readonly metrics: Metrics
}

async function seal({ job, chunks }: Asked['sign'], call: Call, parts: SealParts): Promise<Answered['sign']> {
  const { chain, digest } = await chainOf(wanted => digestMessage(chunks(), wanted), 'relaxed')
  const before = ownResults(job.prefix, parts.server)
  const instance = instanceAfter(chain)
  if (instance === undefined) return undefined
  const { cv, extra } = await cvOf(chain, before.arc, digest, job.recipients[0]?.tries ?? 0, call, parts)
  if (cv === undefined) return undefined
  const { payload } = ownResults(job.prefix, parts.server, extra)
  parts.metrics.count('sealed')
  return sealFields({
    ...{ digest, instance, cv, key: parts.key },
    before: setsOf(chain),
    results: payload,
    now: parts.validating.now,
  })
}

/** Nothing: a chain that says itself that it has failed stays as it is (§5.1, step 2), and so does one that is full. */
function instanceAfter(chain: Chain): number | undefined {
  if (chain.kind === 'none') return 1
  if (chain.kind === 'broken' && chain.ended) return undefined
  const last = chain.kind === 'broken' ? chain.highest : chain.sets.length
  return last >= MOST_SETS ? undefined : last + 1
}

function setsOf(chain: Chain): readonly SetTexts[] {
  if (chain.kind !== 'sets') return []
  return chain.sets.map(({ results, signature, seal: own }) => ({
    results: results.text,
    signature: signature.text,
    seal: own.text,
  }))
}

type Cv = 'none' | 'pass' | 'fail'

/** As found when the message came; else found now. No `cv`: it cannot be known. */
async function cvOf(
  chain: Chain,
  before: Cv | undefined,
  digest: Parameters<typeof validate>[1],
  tries: number,
  call: Call,
  parts: SealParts,
): Promise<{ readonly cv?: Cv; readonly extra?: string }> {
  if (chain.kind === 'none') return { cv: 'none' }
  if (chain.kind === 'broken') return { cv: 'fail', ...(before === undefined ? { extra: 'arc=fail' } : {}) }
  if (before === 'pass' || before === 'fail') return { cv: before }
  if (!parts.dns.configured) return {}
  try {
    const status = await validate(chain, digest, parts.validating)
    return { cv: status.cv, extra: resultOf({ chain, status }, parts.metrics) }
  } catch (error) {
    if (tries < PATIENCE) throw error
    call.log.info({ err: error }, 'ARC chain could not be checked and counts as failed')
    return { cv: 'fail', extra: 'arc=fail (its keys could not be looked up)' }
  }
}
