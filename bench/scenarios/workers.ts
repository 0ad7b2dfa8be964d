/**
 * workers: two workers beside one. The reference is the same server with one worker. Where source and servers share two cores the rate cannot double:
 * there the CPU of a message says whether the second worker is free, and the rate what is left for it.
 */
import { Posthouse } from '../lib/posthouse.js'
import { CONTENT_FILTER, mostMessages, type Scenario, type Setting, type Side, type Stage } from '../lib/scenario.js'
import { probeDurability, startSource } from '../lib/smtp-stage.js'

const USERS = Array.from({ length: 20 }, (_, n) => `user${n}@bench.test`)
const KB = 1024

export const workers: Scenario = {
  name: 'workers',
  asks: 'What do two workers bring? The reference is the same server with one; on a small machine look at the CPU of a message',
  variants: ['mailbox', 'filtered'],
  usual: [
    { variant: 'mailbox', sessions: 20, size: 4 * KB },
    { variant: 'filtered', sessions: 20, size: 4 * KB },
  ],
  async open(variant, _cases, setting): Promise<Stage> {
    const source = startSource(setting)
    const two = await start(variant, setting, 2)
    const one = await start(variant, setting, 1)
    const side = ({ group, flushes, ports }: Posthouse): Side => ({
      group,
      flushes,
      drive: ({ sessions, size }, seconds) =>
        source.ask({
          port: ports.mx,
          sessions,
          size,
          recipients: USERS,
          seconds,
          maxMessages: mostMessages(size, setting.args),
        }),
    })
    return {
      ours: side(two),
      reference: side(one),
      probe: () => probeDurability(setting, source, two.flushes, { port: two.ports.mx, recipients: USERS }),
    }
  },
}

function start(variant: string, setting: Setting, count: number): Promise<Posthouse> {
  const without = variant === 'filtered' ? [] : CONTENT_FILTER
  const users = USERS.map(login => [login, 'bench secret'] as const)
  return Posthouse.start({ ...setting.serverOptions, workers: count, without, users })
}
