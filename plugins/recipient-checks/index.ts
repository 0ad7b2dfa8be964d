/**
 * Closes the door on directory harvests: sessions and networks that ask for too many recipients nobody has. Whether a recipient exists,
 * has room and is not disabled is the route's own answer (the mda's); this only counts its "no such user".
 */
import { asFarAsKnown, definePlugin } from 'posthouse/api'
import { parseDuration } from 'posthouse/text'
import { Harvest } from './harvest.js'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    session: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 10,
      description: 'unknown recipients of one session; then 421',
    },
    network: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 200,
      description: 'unknown recipients of one network (/24, /64) within `window`; then 421 at MAIL',
    },
    window: { type: 'string', format: 'duration', default: '1h', description: 'the time for `network`' },
  },
} as const

export default definePlugin({
  name: 'recipient-checks',
  summary: 'closes sessions that ask for too many recipients nobody has',
  config: CONFIG,
  setup({ config, state, clock }) {
    const harvest = new Harvest({
      state,
      clock,
      perSession: config.session,
      perNetwork: { limit: config.network, windowMs: parseDuration(config.window)! },
    })
    return {
      hooks: {
        mail: (asked, call) =>
          harvest.mayAsk(asked) ? asFarAsKnown(call.log, 'unknown-per-network', () => harvest.mail(asked)) : undefined,
        rcpt: asked => harvest.rcpt(asked),
        disconnect: asked => harvest.disconnect(asked),
      },
    }
  },
})
