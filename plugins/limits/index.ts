/**
 * Limits: rates of connections, messages, recipients and bytes, and connections at the same time, per network, log-in, sender, sender's
 * domain and recipient, over all workers. What others refuse is not charged: MAIL and RCPT only ask whether there is room, the accepted
 * message pays, and a message that is refused later gets it back.
 */
import { type Answered, type Asked, type Call, definePlugin, type Message, type Session } from 'posthouse/api'
import type { PrefixLengths } from 'posthouse/text'
import { Beside } from 'posthouse/text'
import { OwnLimits, withOwn } from './own.js'
import { type Count, RULES, type Rule, readRules, type Subject } from './rules.js'
import { Sessions } from './sessions.js'
import { type Counted, counted, type Facts } from './subjects.js'
import { type Charge, Till } from './till.js'
import { type Moment, refusalOf } from './words.js'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    network: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'how long the prefix of a network is: all its addresses are counted together',
      properties: {
        ipv4: { type: 'integer', minimum: 0, maximum: 32, default: 32, description: 'of IPv4' },
        ipv6: { type: 'integer', minimum: 0, maximum: 128, default: 64, description: 'of IPv6' },
      },
    },
    rules: RULES,
    when_unknown: {
      type: 'string',
      enum: ['pass', 'defer'],
      default: 'pass',
      description: 'what follows when the state has trouble: nobody is held up, or all come again',
    },
  },
} as const

type Amount = (rule: Rule) => number
/** A place among the connections at the same time. */
type Wanted = Counted & { readonly limit: number }

interface Counting {
  readonly lengths: PrefixLengths
  readonly own: OwnLimits
}

export default definePlugin({
  name: 'limits',
  summary: 'rates and concurrency per network, log-in, sender and recipient',
  config: CONFIG,
  setup({ config, fault, state, clock, log, metrics }) {
    const rules = withOwn(readRules(config.rules, fault))
    const till = new Till({ state, clock, log, strict: config.when_unknown === 'defer' })
    const sessions = new Sessions(till, error =>
      log.warn({ err: error }, 'what a session held could not be given back'),
    )
    const counting = { lengths: config.network, own: new OwnLimits(rules, log) }
    const door = new Door(rules, counting, till, sessions, () => metrics.count('refused'))
    return {
      hooks: {
        connect: (asked, call) => door.connect(asked, call),
        mail: (asked, call) => door.mail(asked, call),
        rcpt: asked => door.rcpt(asked),
        message: (asked, call) => door.message(asked, call),
        // The last moment before a message is kept: nobody refused it.
        headers: ({ session }) => sessions.accepted(session),
        disconnect: ({ session }) => sessions.end(session.id),
      },
    }
  },
})

/** Rules by the moments that ask for them: most have none, and answer at once. */
class Lists {
  readonly connections: readonly Rule[]
  readonly perNetwork: readonly Rule[]
  readonly perLogin: readonly Rule[]
  readonly mail: readonly Rule[]
  readonly recipients: readonly Rule[]
  readonly message: readonly Rule[]
  readonly own: readonly Rule[]

  constructor(rules: readonly Rule[]) {
    const among = (counts: readonly Count[], subjects: readonly Subject[]) =>
      rules.filter(({ count, per }) => counts.includes(count) && subjects.includes(per))
    this.connections = among(['connections'], ['network'])
    this.perNetwork = among(['concurrent'], ['network'])
    this.perLogin = among(['concurrent'], ['login'])
    this.mail = among(['messages', 'bytes'], SHARED)
    this.recipients = among(['recipients'], SHARED)
    this.message = among(['messages', 'recipients', 'bytes'], SHARED)
    this.own = among(['messages', 'bytes'], OWN)
  }
}

class Door {
  readonly #lists: Lists
  readonly #counting: Counting
  readonly #till: Till
  readonly #sessions: Sessions
  readonly #refused: () => void
  /** `message` is asked once per recipient; what all share is charged once. */
  readonly #charged = new Beside<Message, Promise<Answered['message']>>()
  /** What a connection was charged. */
  readonly #admitted = new Beside<Session, readonly Charge[]>()

  constructor(rules: readonly Rule[], counting: Counting, till: Till, sessions: Sessions, refused: () => void) {
    this.#lists = new Lists(rules)
    this.#counting = counting
    this.#till = till
    this.#sessions = sessions
    this.#refused = refused
  }

  connect({ session }: Asked['connect'], call: Call): Answered['connect'] | Promise<Answered['connect']> {
    const rates = this.#charges({ session }, this.#lists.connections, () => 1)
    const places = this.#places({ session }, this.#lists.perNetwork)
    const earlier = this.#admitted.get(session)
    if (rates.length === 0 && places.length === 0 && earlier === undefined) return undefined
    return this.#admit(session, call, rates, places, earlier)
  }

  mail({ session, envelope }: Asked['mail'], call: Call): Answered['mail'] | Promise<Answered['mail']> {
    const charges = this.#charges({ session, envelope }, this.#lists.mail, amounts({ size: declaredSize(envelope) }))
    const places = this.#places({ session }, this.#lists.perLogin).filter(
      ({ key }) => !this.#sessions.isInside(session, key),
    )
    if (charges.length === 0 && places.length === 0 && !this.#sessions.owes(session)) return undefined
    return this.#mail(session, call, places, charges)
  }

  async #mail(session: Session, call: Call, places: readonly Wanted[], charges: readonly Charge[]) {
    await this.#sessions.begun(session)
    if (places.length > 0) {
      const refusal = await this.#enter(session, call, places, 'mail')
      if (refusal !== undefined) return refusal
    }
    return this.#ask(charges, 'mail')
  }

  rcpt({ session, envelope, recipient }: Asked['rcpt']): Answered['rcpt'] | Promise<Answered['rcpt']> {
    const facts = { session, envelope, recipient: recipient.address }
    const recipients = envelope.recipients.length + 1
    const shared = this.#charges(facts, this.#lists.recipients, amounts({ recipients }))
    const own = this.#charges(facts, this.#lists.own, amounts({ size: declaredSize(envelope) }))
    return shared.length === 0 && own.length === 0 ? undefined : this.#rcpt(shared, own)
  }

  async #rcpt(shared: readonly Charge[], own: readonly Charge[]): Promise<Answered['rcpt']> {
    return (await this.#ask(shared, 'rcpt')) ?? this.#ask(own, 'rcpt')
  }

  message(asked: Asked['message'], call: Call): Answered['message'] | Promise<Answered['message']> {
    const { session, envelope, message, recipient } = asked
    const facts = { session, envelope, recipient: recipient.address }
    const { size } = message
    const shared = this.#charges(facts, this.#lists.message, amounts({ size, recipients: envelope.recipients.length }))
    const own = this.#charges(facts, this.#lists.own, amounts({ size }))
    return shared.length === 0 && own.length === 0 ? undefined : this.#message(asked, call, shared, own)
  }

  async #message(
    { session, envelope, message }: Asked['message'],
    call: Call,
    shared: readonly Charge[],
    own: readonly Charge[],
  ): Promise<Answered['message']> {
    let charged = this.#charged.get(message)
    if (charged === undefined) {
      charged = this.#charge(session, shared, call)
      this.#charged.set(message, charged)
    }
    const refusal = await charged
    if (refusal !== undefined) return refusal
    const refused = await this.#charge(session, own, call)
    // Over SMTP one reply is for all: a recipient refused beside others would find the mail in Junk. RCPT has asked; this was a race.
    return session.protocol === 'lmtp' || envelope.recipients.length === 1 ? refused : undefined
  }

  async #admit(
    session: Session,
    call: Call,
    rates: readonly Charge[],
    places: readonly Wanted[],
    earlier: readonly Charge[] | undefined,
  ): Promise<Answered['connect']> {
    // XCLIENT: whoever spoke until now speaks for others and is not the client that counts.
    if (earlier !== undefined) await this.#sessions.startsAnew(session.id, earlier)
    this.#admitted.set(session, [])
    const refusal = await this.#till.charge(rates)
    if (refusal !== undefined) {
      this.#refused()
      return refusalOf(refusal, 'connect')
    }
    const full = await this.#enter(session, call, places, 'connect')
    // Who is not let in has not been a connection.
    if (full !== undefined) await this.#till.giveBack(rates)
    else this.#admitted.set(session, rates)
    return full
  }

  async #enter(session: Session, call: Call, wanted: readonly Wanted[], moment: Moment) {
    const places = await this.#till.enter(wanted)
    if ('charge' in places) {
      this.#refused()
      return refusalOf(places, moment)
    }
    const keys = wanted.map(({ key }) => key)
    if (places.length > 0) this.#sessions.entered(session, call, keys, places)
    return undefined
  }

  async #ask(charges: readonly Charge[], moment: Moment) {
    const refusal = await this.#till.lacking(charges)
    if (refusal === undefined) return undefined
    this.#refused()
    return refusalOf(refusal, moment)
  }

  async #charge(session: Session, charges: readonly Charge[], call: Call) {
    if (charges.length === 0) return undefined
    const refusal = await this.#till.charge(charges)
    if (refusal !== undefined) {
      this.#refused()
      return refusalOf(refusal, 'message')
    }
    this.#sessions.charged(session, call, charges)
    return undefined
  }

  #charges(facts: Facts, rules: readonly Rule[], amount: Amount): readonly Charge[] {
    const charges: Charge[] = []
    for (const rule of rules) {
      const one = counted(rule, facts, this.#counting)
      if (one !== undefined && typeof one.limit !== 'number')
        charges.push({ ...one, limit: one.limit, amount: amount(rule) })
    }
    return charges
  }

  #places(facts: Facts, rules: readonly Rule[]): readonly Wanted[] {
    return rules.flatMap(rule => {
      const one = counted(rule, facts, this.#counting)
      return one === undefined || typeof one.limit !== 'number' ? [] : [{ ...one, limit: one.limit }]
    })
  }
}

/** What a message counts for once, however many recipients it has; and what it counts for each of them. */
const SHARED: readonly Subject[] = ['network', 'login', 'sender', 'sender-domain']
const OWN: readonly Subject[] = ['recipient']

function amounts({ size = 1, recipients = 1 }: { readonly size?: number; readonly recipients?: number }): Amount {
  return ({ count }) => (count === 'bytes' ? size : count === 'recipients' ? recipients : 1)
}

/** RFC 1870 §5: the sender's estimate; 1 when there is none. */
function declaredSize({ parameters }: Asked['mail']['envelope']): number {
  const size = Number(parameters.get('SIZE') ?? 1)
  return Number.isSafeInteger(size) && size > 0 ? size : 1
}
