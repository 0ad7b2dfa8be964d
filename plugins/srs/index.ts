/**
 * Sender rewriting: mail that goes on by an alias gets an envelope sender of ours, since its own domain has not allowed us to send for it (SPF).
 * Bounces come to that address and are sent on to who sent the mail, and to nobody else: the address holds a hash that only we can make.
 */
import {
  type Answered,
  type Asked,
  type Call,
  ConfigError,
  definePlugin,
  type Infer,
  type Metrics,
  reject,
  type SenderRewriter,
  via,
} from 'posthouse/api'
import { formatAddress, parseDuration, printable, toAsciiDomain } from 'posthouse/text'
import { isRewritten, read, rewrite, type Scheme } from './address.js'
import { srsCommands } from './commands.js'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    domain: {
      type: 'string',
      format: 'domain',
      description: 'domain of the addresses, one of ours; left out: our first one',
    },
    target: { type: 'string', minLength: 1, default: 'mx', description: 'target that carries bounces to the world' },
    max_age: {
      type: 'string',
      format: 'duration',
      default: '21d',
      description: 'how long bounces are sent on; in whole days, 1d to 500d',
    },
    hash_length: {
      type: 'integer',
      minimum: 4,
      maximum: 20,
      default: 8,
      description: 'letters of the hash, five bits each; shorter ones can be guessed, longer ones need room',
    },
    accept: {
      enum: ['bounces', 'any'],
      default: 'bounces',
      description: 'what is sent on: mail from the null sender alone, or from anybody',
    },
  },
} as const

export default definePlugin({
  name: 'srs',
  summary: 'mail that goes on by an alias gets a sender of ours, and bounces find their way back (SRS)',
  config: CONFIG,
  supplies: ['sender-rewriter'],
  setup({ config, fault, server, clock, metrics, key }) {
    const [first = server.name] = server.domains
    const domain = (toAsciiDomain(config.domain ?? first) ?? first).toLowerCase()
    if (!server.domains.has(domain))
      throw new ConfigError([fault(['domain'], `${domain} is not among the domains of server.yaml`)])
    const maxAgeDays = Math.min(500, Math.floor((parseDuration(config.max_age) ?? 0) / 86_400_000))
    // With none, what comes back after midnight would be too late.
    if (maxAgeDays < 1)
      throw new ConfigError([fault(['max_age'], `max_age: at least 1d, as it counts in days; got ${config.max_age}`)])
    let known: Buffer | undefined
    const scheme = async (): Promise<Scheme> => {
      known ??= await key('srs')
      return { key: known, domain, hashLength: config.hash_length, maxAgeDays }
    }
    const now = () => clock.now()
    const rewriter: SenderRewriter = {
      async forwarded(sender, call) {
        const returned = isRewritten(sender.local) && (toAsciiDomain(sender.domain) ?? sender.domain) === domain
        if (server.domains.has(sender.domain) && !returned) return undefined
        const written = rewrite(sender, await scheme(), now())
        metrics.count(`srs.${written.kind}`)
        if (written.kind === 'rewritten') return written.sender
        const facts = { sender: printable(formatAddress(sender), 200) }
        if (written.kind === 'too-long') call.log.info(facts, 'sender is too long to be rewritten')
        else call.log.info(facts, 'mail goes on that has been here before')
        return written.kind === 'looped' ? written.sender : undefined
      },
    }
    return {
      services: { 'sender-rewriter': rewriter },
      // Who knows the users of our domains would say that there is nobody of that name.
      above: ['mda'],
      commands: srsCommands({ scheme, now }),
      hooks: {
        async route(asked, call) {
          const { address } = asked.recipient
          if ((toAsciiDomain(address.domain) ?? address.domain) !== domain || !isRewritten(address.local))
            return undefined
          return wayBack(asked, call, { scheme: await scheme(), config, domains: server.domains, now: now(), metrics })
        },
      },
    }
  },
})

interface WayBack {
  readonly scheme: Scheme
  readonly config: Infer<typeof CONFIG>
  readonly domains: { has(domain: string): boolean }
  readonly now: number
  readonly metrics: Metrics
}

/** Whatever is not right is refused for good: nobody but we makes such addresses, and nobody writes to them but to report. */
function wayBack({ envelope, recipient }: Asked['route'], call: Call, parts: WayBack): Answered['route'] {
  const { scheme, config, domains, now, metrics } = parts
  const found = read(recipient.address.local, scheme, now)
  if (found.kind !== 'good') {
    metrics.count(`srs.${found.kind}`)
    const text = found.kind === 'expired' ? 'That address was good for a while only' : 'That address is none of ours'
    const evidence = `the address is ${found.kind}`
    return reject(text, { code: 550, status: '5.1.1', because: { rule: `srs-${found.kind}`, evidence } })
  }
  // What we rewrite is never ours: an address that leads back to us was not made for mail to come in by.
  if (domains.has(found.to.domain))
    return reject('That address is none of ours', { code: 550, status: '5.1.1', because: LOOP })
  if (envelope.sender !== null && config.accept === 'bounces')
    return reject('Only reports of failed delivery go to that address', {
      code: 550,
      status: '5.7.1',
      because: NO_BOUNCE,
    })
  metrics.count('srs.returned')
  call.log.info({ to: printable(formatAddress(found.to), 200) }, 'bounce goes back to the sender of forwarded mail')
  return via(config.target, found.to)
}

const LOOP = { rule: 'srs-loop', evidence: 'the address leads to a domain of ours' } as const
const NO_BOUNCE = {
  rule: 'srs-no-bounce',
  evidence: 'it comes from a sender, and only bounces are sent on',
  exception: 'accept: any in the entry srs',
} as const
