/**
 * Names that are made to be taken for others: domains, display names, links and files of mail from elsewhere, and our own domains forged. Evidence, and
 * the service `look-alikes`; forged mail of our own is refused only where the admin says so. Nothing is looked up.
 */
import {
  type Answered,
  type Asked,
  awaitedLater,
  type Call,
  definePlugin,
  type Log,
  type LookAlikeFacts,
  type LookAlikes,
  type Message,
  type Metrics,
  ownCall,
  quarantine,
  reject,
  type Services,
  type SiteBrands,
  sparing,
} from 'posthouse/api'
import { Beside } from 'posthouse/text'
import { shippedBrands } from './brands.js'
import { lookAlikeCommands } from './commands.js'
import { CONFIG, type Terms, worldOf } from './config.js'
import { findingsFrom } from './findings.js'
import { judge, type World } from './judge.js'
import { Known } from './known.js'

/** RFC 5321 §4.5.1: who is asked for help by those whose mail we refuse. */
const spares = sparing(['postmaster', 'abuse'])

export default definePlugin({
  name: 'look-alikes',
  summary: 'finds domains, names and links that are made to be taken for others',
  config: CONFIG,
  supplies: ['look-alikes'],
  setup({ config, files, server, services, metrics, messageOf, clock, log, signal }) {
    const known = new Known({ reputation: () => services.find('reputation'), clock, log, signal })
    let reading: Promise<World> | undefined
    const world = () =>
      (reading ??= shippedBrands(files).then(shipped => worldOf(config, shipped, server, () => known.names())))
    const brands = { added: config.brands, without: config.without_brands }
    const seen = new Seen(brands, world, services, log, metrics)
    return {
      services: { 'look-alikes': seen },
      hooks: {
        async score(asked: Asked['score'], call: Call) {
          const facts = await seen.found(asked, call)
          return facts && findingsFrom(facts, config.points, await countedAlready(services, asked, call))
        },
        async message(asked: Asked['message'], call: Call) {
          if (config.enforce === 'off' || spares(asked.recipient.address)) return undefined
          const facts = await seen.found(asked, call)
          return facts && consequence(facts, config)
        },
      },
      loadRest: world,
      started() {
        if (config.enforce !== 'off' && services.find('mail-auth') === undefined)
          log.warn(
            { enforce: config.enforce },
            'nothing is enforced: mail-auth, which tells what is forged, is not there',
          )
      },
      commands: lookAlikeCommands({ world, terms: config, messageOf }),
    }
  },
})

/** mail-auth gives points for a policy of ours that is broken: the same must not count twice. */
async function countedAlready(services: Services, asked: Asked['score'], call: Call): Promise<boolean> {
  const auth = await services.find('mail-auth')?.found(asked, call)
  return auth !== undefined && auth.dmarc.disposition !== 'none'
}

/** One look at each message, whoever asks first. */
class Seen implements LookAlikes {
  readonly brands: SiteBrands
  readonly #world: () => Promise<World>
  readonly #services: Services
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #found = new Beside<Message, Promise<LookAlikeFacts>>()

  constructor(brands: SiteBrands, world: () => Promise<World>, services: Services, log: Log, metrics: Metrics) {
    this.brands = brands
    this.#world = world
    this.#services = services
    this.#log = log
    this.#metrics = metrics
  }

  async found(asked: Asked['score'], call: Call): Promise<LookAlikeFacts | undefined> {
    const { session, message } = asked
    // As mail-auth has it: LMTP and mail of our own come from this house.
    if (session.protocol !== 'smtp' || session.account !== undefined || session.trusted) return undefined
    const there = this.#found.get(message)
    if (there !== undefined) return there
    const found = awaitedLater(this.#judged(asked, ownCall(call, this.#log, session)))
    this.#found.set(message, found)
    return found
  }

  async #judged(asked: Asked['score'], call: Call): Promise<LookAlikeFacts> {
    const auth = await this.#services.find('mail-auth')?.found(asked, call)
    const facts = await judge({ message: asked.message, sender: asked.envelope.sender, auth }, await this.#world())
    const { tricks, ownDomain } = facts
    if (tricks.length > 0 || ownDomain.kind === 'forged') {
      const told = tricks.map(({ place, trick, like }) => `${place} ${trick}${like === undefined ? '' : ` ${like}`}`)
      call.log.info({ tricks: told, ownDomain: ownDomain.kind }, 'names deceive')
    }
    for (const { place, trick } of tricks) this.#metrics.count(`look-alikes.${place}-${trick}`)
    if (ownDomain.kind === 'forged') this.#metrics.count('look-alikes.own-domain-forged')
    return facts
  }
}

function consequence({ ownDomain }: LookAlikeFacts, { enforce }: Terms): Answered['message'] {
  if (ownDomain.kind !== 'forged') return undefined
  const { domain, says } = ownDomain
  const exception = 'name its list or forwarder in forwarders of look-alikes, or its network in trusted of server.yaml'
  // RFC 7372 §3.3
  if (enforce === 'reject')
    return reject(`Mail in the name of ${domain} comes from people who log in, or is signed by it`, {
      ...{ code: 550, status: '5.7.26', because: { rule: 'own-domain-forged', evidence: says, exception } },
    })
  return quarantine(says)
}
