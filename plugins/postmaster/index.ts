/**
 * Tells the postmaster what a postmaster should know, by rule: a digest now and then instead of a mail for each thing. The rule it keeps: what
 * goes wrong with a digest is never news for the next one.
 */
import { ConfigError, definePlugin, type QueueEvent } from 'posthouse/api'
import { addressKey, formatDuration, parseAddress, parseDuration } from 'posthouse/text'
import { Book } from './book.js'
import { postmasterCommands } from './commands.js'
import { digestOf } from './digest.js'
import { KINDS, type News, newsOfEvent, newsOfSession } from './news.js'

/** Looked at this often whether a digest is due. */
const LOOK_MS = 60_000
const LEAST_EVERY_MS = 1000

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    tell: {
      type: 'array',
      items: { enum: KINDS },
      uniqueItems: true,
      default: ['double-bounce', 'blocked', 'complaint', 'resource'],
      description: 'which news',
    },
    every: {
      type: 'string',
      format: 'duration',
      default: '1h',
      description: 'at most one digest in this time; 1s or more',
    },
    lines: {
      type: 'integer',
      minimum: 1,
      maximum: 200,
      default: 30,
      description: 'of each kind; the others are counted',
    },
    to: {
      type: 'string',
      minLength: 3,
      maxLength: 254,
      description: 'who gets it; left out: postmaster at our first domain',
    },
  },
} as const

export default definePlugin({
  name: 'postmaster',
  summary: 'tells the postmaster what happens to mail, in digests',
  config: CONFIG,
  setup({ config, fault, state, clock, server, services, log, metrics }) {
    const to = config.to === undefined ? undefined : parseAddress(config.to)
    if (config.to !== undefined && to === undefined)
      throw new ConfigError([fault(['to'], `expected an address, got "${config.to}"`)])
    const everyMs = parseDuration(config.every)!
    if (everyMs < LEAST_EVERY_MS)
      throw new ConfigError([
        fault(['every'], `expected ${formatDuration(LEAST_EVERY_MS)} or more, got "${config.every}"`),
      ])
    const wanted: ReadonlySet<string> = new Set(config.tell)
    const book = new Book(state, clock, { lines: config.lines, keepMs: Math.max(everyMs * 3, 7 * 86_400_000) })
    const [domain = server.name] = server.domains
    const ours = addressKey(to ?? { local: 'postmaster', domain })

    function note(news: News | undefined): Promise<void> | undefined {
      return news !== undefined && wanted.has(news.kind) ? book.note(news) : undefined
    }

    /** Nobody is told that telling them failed. */
    function isAboutUs({ sender, recipient }: QueueEvent): boolean {
      const address = sender === '' ? parseAddress(recipient ?? '') : undefined
      return address !== undefined && addressKey(address) === ours
    }

    async function look(): Promise<void> {
      try {
        const due = await book.due(everyMs)
        if (due === undefined) return
        const { subject, text } = digestOf(due.pages, server.name)
        const accepted = await services.get('notifier').tell({
          ...(to === undefined ? {} : { to }),
          about: `postmaster ${clock.now()}`,
          subject,
          text,
          everyMs: 1000,
        })
        if (!accepted) return
        metrics.count('postmaster.digests')
        await due.told()
      } catch (error) {
        log.error({ err: error }, 'digest for the postmaster could not be written')
      }
    }

    let timer: NodeJS.Timeout | undefined
    return {
      hooks: {
        event: ({ event }) => (isAboutUs(event) ? undefined : note(newsOfEvent(event, server.domains))),
        disconnect: ({ session, end }) => note(newsOfSession(session, end)),
      },
      commands: postmasterCommands({ book, everyMs, tell: config.tell }),
      started() {
        timer = setInterval(() => void look(), Math.min(LOOK_MS, everyMs))
        timer.unref()
      },
      dispose() {
        clearInterval(timer)
      },
    }
  },
})
