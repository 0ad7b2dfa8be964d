/**
 * Turns sums of points into actions: come again later, a mark in the header, Junk, or a refusal; and writes what was found into the header. The
 * only place where evidence becomes a decision. Recipients may have thresholds of their own, so one message can be refused for one and filed
 * for another; with every answer goes which thresholds were used and whose they are (`Ruling`), for the trail.
 */
import {
  type Answered,
  type Asked,
  asFarAsKnown,
  type Call,
  definePlugin,
  type Recipient,
  type Session,
  type Verdict,
} from 'posthouse/api'
import { Beside } from 'posthouse/text'
import { spamActionCommands } from './commands.js'
import { CONFIG, type Settings } from './config.js'
import { decide } from './decide.js'
import { fieldsFor, type Measured } from './fields.js'
import { type Measure, measureOf, type Own, type Source } from './thresholds.js'
import { Users } from './users.js'

type AskedMessage = Asked['message']

export default definePlugin({
  name: 'spam-action',
  summary:
    'greylists, marks, files as Junk or refuses what has too many points, and writes the findings into the header',
  config: CONFIG,
  setup({ config, services, clock, bus, metrics, log }) {
    const find = services.find.bind(services)
    const users = new Users({ find, clock, bus, configured: config.users })
    const sources = sourcesIn(config)
    const within = config.headers_for === 'local' ? 'local' : undefined
    // What was measured at `message` is told at `headers`; a verdict is one message's.
    const measured = new Beside<Verdict, Map<Recipient, Measure>>()
    const rule = (asked: AskedMessage, measure: Measure, call: Call) => {
      const { verdict, recipient } = asked
      measured.set(verdict, (measured.get(verdict) ?? new Map<Recipient, Measure>()).set(recipient, measure))
      const parts = { text: config.text, greylist: services.find('greylist') }
      return counted(decide(asked, measure, parts, call), name => metrics.count(`spam-action.${name}`))
    }
    return {
      commands: spamActionCommands({ users, find, sources }),
      hooks: {
        message(asked, call) {
          const { session, recipient } = asked
          const others = sources(session.listener, recipient.address.domain)
          if (users.none) return rule(asked, measureOf(others), call)
          return sourcesOfUser(users, recipient, call).then(own => rule(asked, measureOf([...own, ...others]), call))
        },
        ...(config.headers && {
          headers: ({ verdict, session, envelope }: Asked['headers']) =>
            fieldsFor(verdict, known(verdict, session, envelope.recipients), within),
        }),
      },
      started() {
        if (greylists(config) && find('greylist') === undefined)
          log.warn({}, 'a threshold for greylisting is set, and no entry supplies the service greylist')
      },
      dispose: () => users.dispose(),
    }

    /** A recipient who was not asked about (another plugin had decided before) has what holds for all. */
    function known(verdict: Verdict, session: Session, recipients: readonly Recipient[]): readonly Measured[] {
      const found = measured.get(verdict)
      return recipients.map(recipient => ({
        recipient,
        measure: found?.get(recipient) ?? measureOf(sources(session.listener, recipient.address.domain)),
      }))
    }
  },
})

/** Without those of users, which have to be asked for. */
function sourcesIn(config: Settings): (listener: string, domain: string) => readonly Source[] {
  const { greylist, header, junk, reject: refuse } = config
  const general = { name: 'general', own: { greylist, junk, reject: refuse, ...(header !== undefined && { header }) } }
  const listeners = named('listener', config.listeners)
  const domains = named('domain', config.domains)
  if (listeners.size + domains.size === 0) {
    const all = [general]
    return () => all
  }
  return (listener, domain) =>
    [domains.get(domain.toLowerCase()), listeners.get(listener.toLowerCase()), general].filter(one => one !== undefined)
}

function greylists({ greylist, listeners, domains, users }: Settings): boolean {
  const all: readonly Own[] = [{ greylist }, ...[listeners, domains, users].flatMap(own => Object.values(own))]
  return all.some(own => own.greylist !== undefined && own.greylist !== 'off')
}

function named(kind: string, all: Readonly<Record<string, Own>>): ReadonlyMap<string, Source> {
  return new Map(Object.entries(all).map(([name, own]) => [name.toLowerCase(), { name: `${kind} ${name}`, own }]))
}

/** Trouble of the directory holds up no mail: the user has what holds for others. */
async function sourcesOfUser(users: Users, { address }: Recipient, call: Call): Promise<readonly Source[]> {
  return (await asFarAsKnown(call.log, 'thresholds of users', () => users.sourcesFor(address))) ?? []
}

function counted(
  answer: Answered['message'] | Promise<Answered['message']>,
  count: (name: string) => void,
): typeof answer {
  if (answer instanceof Promise) return answer.then(late => counted(late, count))
  if (!answer || !('ruling' in answer) || answer.ruling === undefined) return answer
  count(answer.kind === 'defer' ? 'greylist' : answer.ruling.action)
  return answer
}
