/**
 * Understands mail that comes back: bounces of other systems, complaints, and what only looks like them. What concerns a message that
 * really left from here is written into its trail and told as an event; what pretends to, is evidence for the spam filter.
 */
import { definePlugin } from 'posthouse/api'
import { parseDuration } from 'posthouse/text'
import { classifierOf } from './classed.js'
import { bounceCommands } from './commands.js'
import { Recogniser } from './recognise.js'
import { Sent } from './sent.js'
import { tellReturns } from './tell.js'

const POINTS = (normal: number, description: string) => ({ type: 'number', default: normal, description }) as const

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    remember: {
      type: 'string',
      format: 'duration',
      default: '14d',
      description:
        'how long the Message-ID of what goes out is known; 0s: bounces are matched by our Received field alone',
    },
    also_from: {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 255 },
      maxItems: 100,
      default: [],
      description:
        'hosts, or .domains of hosts, that send mail of our people too: bounces of theirs are not called forged',
    },
    points: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'points for the spam filter',
      properties: {
        ours: POINTS(0, 'a bounce of mail that left from here'),
        forged: POINTS(2.5, 'a bounce of mail that never left from here'),
        unproven: POINTS(0.2, 'a bounce that does not show what it returns'),
      },
    },
  },
} as const

export default definePlugin({
  name: 'bounces',
  summary: 'understands bounces and complaints that come in, and knows those of mail that left from here',
  config: CONFIG,
  needs: ['store'],
  setup({ config, server, services, state, clock, metrics }) {
    const sent = new Sent(state, clock, parseDuration(config.remember)!)
    const classify = classifierOf(services)
    const { trail, queue } = services.get('store')
    const recogniser = new Recogniser({
      name: server.name,
      alsoFrom: config.also_from.map(one => one.toLowerCase()),
      points: config.points,
      sent,
      trail,
      queue,
      clock,
      count: name => metrics.count(`bounces.${name}`),
    })
    return {
      hooks: {
        score: (asked, call) => recogniser.judge(asked, call),
        headers({ session, envelope, message }, call) {
          const { account, trusted } = session
          // a relay's whole traffic is not noted: its Received field must do
          const ours = account !== undefined || (trusted && server.domains.has(envelope.sender?.domain ?? ''))
          const outside = envelope.recipients.some(({ address }) => !server.domains.has(address.domain))
          if (ours && outside) sent.note(message, envelope.id, call.log)
          return undefined
        },
        event({ event }, call) {
          const found = event.kind === 'accepted' ? recogniser.take(event.message) : undefined
          if (found === undefined) return undefined
          return tellReturns(
            { found, notice: event.message, classify, trail, events: services.get('events'), clock, metrics },
            call.log,
          )
        },
      },
      commands: bounceCommands({ classify }),
    }
  },
})
