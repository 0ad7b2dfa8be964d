/**
 * Greylisting (RFC 6647): whoever is new is asked to come again in a minute. Mail servers do, and after a few accepted messages their
 * network is let through for weeks. Never asked of people who logged in or of trusted networks.
 */
import {
  type Address,
  type Asked,
  asFarAsKnown,
  type Call,
  ConfigError,
  type Defer,
  definePlugin,
  type GreylistAnswer,
  type Infer,
  ownCall,
  type PluginContext,
} from 'posthouse/api'
import { addressKey, networkAround, parseDuration } from 'posthouse/text'
import { type AskParts, greylisted } from './ask.js'
import { greylistCommands } from './commands.js'
import { noteAccepted } from './standing.js'

const MOST_MS = 7 * 86_400_000
const SPARED: GreylistAnswer = { kind: 'pass', why: 'spared' }

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    when: {
      enum: ['always', 'suspected'],
      default: 'always',
      description:
        'whom to ask: everybody new, at RCPT; or only those whose message another plugin finds suspicious (spam-action)',
    },
    delay: {
      type: 'string',
      format: 'duration',
      default: '1m',
      description: 'how soon a second try is too early',
    },
    window: {
      type: 'string',
      format: 'duration',
      default: '24h',
      description: 'how late a second try still counts as one',
    },
    proven: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 2,
      description: 'after so many accepted messages a network is let through',
    },
    proven_below: {
      type: 'number',
      default: 3,
      description: 'messages with more points than this prove nothing',
    },
    remember: {
      type: 'string',
      format: 'duration',
      default: '5w',
      description: 'how long a network is remembered after its last mail',
    },
    only_labels: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      default: [],
      description: 'ask only sessions with one of these labels; empty: all',
    },
    null_sender: {
      type: 'boolean',
      default: true,
      description: 'ask for mail from <> too; false spares servers that verify addresses a wait',
    },
    not_for: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      default: [],
      description: 'recipients who want no greylisting: user@example.org, @example.org, or postmaster@ in every domain',
    },
  },
} as const

export default definePlugin({
  name: 'greylist',
  summary: 'asks who is new to come again in a minute',
  config: CONFIG,
  supplies: ['greylist'],
  setup(context) {
    const { config, state, clock, log } = context
    const parts = partsOf(context)
    const spared = sparedBy(config.not_for)
    const isAsked = (asked: Asked['rcpt']) =>
      isStranger(asked) &&
      hasOneOf(asked.session.labels, config.only_labels) &&
      (config.null_sender || asked.envelope.sender !== null) &&
      !spared(asked.recipient.address)
    const ask = async (asked: Asked['rcpt'], { log }: Call): Promise<GreylistAnswer> =>
      (await asFarAsKnown(log, 'greylist', () => greylisted(asked, parts, clock.now()))) ?? SPARED
    return {
      commands: greylistCommands(state, clock, parts),
      services: {
        greylist: {
          ask: async (asked, call) => (isAsked(asked) ? ask(asked, ownCall(call, log, asked.session)) : SPARED),
        },
      },
      hooks: {
        ...(config.when === 'always' && {
          rcpt: (asked: Asked['rcpt'], call: Call) => (isAsked(asked) ? ask(asked, call).then(deferOf) : undefined),
        }),
        // The last moment before a message is kept: nobody refused it.
        async headers({ session, envelope, verdict }) {
          const network = networkAround(session.remote.address)
          const counts = isStranger({ session }) && envelope.sender !== null && verdict.sum <= config.proven_below
          if (counts && network !== undefined) await noteAccepted(state, network, parts, clock.now())
        },
      },
    }
  },
})

function partsOf({ config, fault, state, metrics }: PluginContext<Infer<typeof CONFIG>>): AskParts {
  const delayMs = parseDuration(config.delay)!
  const windowMs = parseDuration(config.window)!
  if (windowMs <= delayMs || windowMs > MOST_MS)
    throw new ConfigError([fault(['window'], `expected more than delay (${config.delay}) and at most 7d`)])
  return {
    state,
    delayMs,
    windowMs,
    proven: config.proven,
    rememberMs: parseDuration(config.remember)!,
    count: name => metrics.count(`greylist.${name}`),
  }
}

function deferOf(answer: GreylistAnswer): Defer | undefined {
  return answer.kind === 'wait' ? answer.defer : undefined
}

/** RFC 6647 §5, 7: not where people submit mail, not for those we know. LMTP is spoken by our own side. */
function isStranger({ session }: Pick<Asked['rcpt'], 'session'>): boolean {
  return session.protocol === 'smtp' && session.account === undefined && !session.trusted
}

function hasOneOf(labels: ReadonlySet<string>, wanted: readonly string[]): boolean {
  return wanted.length === 0 || wanted.some(label => labels.has(label))
}

/** `user@domain`, `@domain`, and `user@` for a name in every domain. */
function sparedBy(patterns: readonly string[]): (address: Address) => boolean {
  const all = new Set(patterns.map(pattern => pattern.toLowerCase()))
  return address => {
    if (all.size === 0) return false
    const key = addressKey(address)
    const at = key.lastIndexOf('@')
    return all.has(key) || all.has(key.slice(at)) || all.has(key.slice(0, at + 1))
  }
}
