/**
 * Tells others of what happens to mail: events of the queue, posted as JSON and signed. Contributes the hook `event`, senders and commands.
 * The rule it keeps: mail never waits for it. Events are written down after the commit that made them true, then sent from there.
 */
import { definePlugin, type Log, type Metrics, type QueueEvent } from 'posthouse/api'
import { TOPIC, webhookCommands } from './commands.js'
import { Outbox } from './outbox.js'
import { Sender } from './sender.js'
import { CONFIG, type Hook, hooksOf, termsOf } from './settings.js'

/** Characters of a text of a peer that are passed on. */
const MAX_TEXT = 500
/** A full outbox is told of this often. */
const TELL_MS = 60_000

export default definePlugin({
  name: 'webhooks',
  summary: 'tells others of events of the queue, by signed requests',
  config: CONFIG,
  needs: ['state'],
  async setup(context) {
    const { config, state, clock, log, metrics, bus, server, signal } = context
    const terms = termsOf(config)
    const hooks = (await hooksOf(context)).map(hook => [hook, new Outbox(state, clock, hook.key, terms)] as const)
    const senders = hooks.map(
      ([hook, outbox]) => new Sender({ hook, terms, outbox, state, clock, log, metrics, server: server.name, signal }),
    )
    const refused = new Refused(log, metrics, () => clock.now())
    const unsubscribe = bus.subscribe(TOPIC, payload => {
      for (const sender of senders) sender.wake(payload === 'now')
    })
    return {
      hooks: {
        event: async ({ event }) => {
          let put = false
          for (const [hook, outbox] of hooks) put = (await note(hook, outbox, event, refused)) || put
          if (!put) return
          for (const sender of senders) sender.wake()
          bus.publish(TOPIC, 'new')
        },
      },
      commands: webhookCommands({ hooks, clock, server: server.name, bus, signal }),
      started() {
        for (const sender of senders) sender.start()
      },
      async dispose() {
        unsubscribe()
        await Promise.all(senders.map(sender => sender.end()))
      },
    }
  },
})

async function note(hook: Hook, outbox: Outbox, event: QueueEvent, refused: Refused): Promise<boolean> {
  if (!hook.kinds.has(event.kind) || (await outbox.stopped()) !== undefined) return false
  const text = event.text === undefined ? {} : { text: event.text.slice(0, MAX_TEXT) }
  const put = await outbox.put({ ...event, ...text })
  if (!put) refused.add(hook)
  return put
}

/** Counts what found no room, and says so now and then. */
class Refused {
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #now: () => number
  readonly #counts = new Map<string, number>()
  readonly #told = new Map<string, number>()

  constructor(log: Log, metrics: Metrics, now: () => number) {
    this.#log = log
    this.#metrics = metrics
    this.#now = now
  }

  add({ key, shown }: Hook): void {
    this.#metrics.count('dropped')
    const count = (this.#counts.get(key) ?? 0) + 1
    const now = this.#now()
    if (now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < TELL_MS) {
      this.#counts.set(key, count)
      return
    }
    this.#told.set(key, now)
    this.#counts.set(key, 0)
    this.#log.warn({ hook: shown, events: count, why: 'too many wait' }, 'webhook events dropped')
  }
}
