/**
 * hooks: what plugins cost that do nothing. Twenty of them, each with a hook at seven moments of every message, in front of a server that files
 * mail without content filter. The reference is the very same server without them, in the same turns. `plain` hooks return nothing at once; `async`
 * hooks are async functions, each of which gives the server a promise to wait for.
 */
import type { Row } from '../lib/figures.js'
import { Posthouse } from '../lib/posthouse.js'
import { CONTENT_FILTER, mostMessages, type Scenario, type Setting, type Side, type Stage } from '../lib/scenario.js'
import { probeDurability, startSource } from '../lib/smtp-stage.js'
import { figure } from '../lib/table.js'

const PLUGINS = 20
/** `connect` and `helo` are asked once for a connection, and connections are kept: these are asked for every message. */
const MOMENTS = ['mail', 'rcpt', 'route', 'score', 'message', 'headers', 'settled'] as const
const USERS = ['ada', 'ben'].map(name => `${name}@bench.test`)
const KB = 1024

export const hooks: Scenario = {
  name: 'hooks',
  asks: `What do ${PLUGINS} plugins cost that do nothing at ${MOMENTS.length} hooks each? The reference is the same server without them`,
  variants: ['plain', 'async'],
  usual: [
    { variant: 'plain', sessions: 20, size: 4 * KB },
    { variant: 'async', sessions: 20, size: 4 * KB },
  ],
  async open(variant, _cases, setting): Promise<Stage> {
    const source = startSource(setting)
    const names = Array.from({ length: PLUGINS }, (_, n) => `nothing-${n + 1}`)
    const asked = variant === 'async' ? 'async () => undefined' : '() => undefined'
    const ours = await start(setting, {
      first: names.map(name => ({ use: `./${name}.js` })),
      files: Object.fromEntries(names.map(name => [`${name}.js`, pluginOf(name, asked)])),
    })
    const bare = await start(setting, {})
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
      ours: side(ours),
      reference: side(bare),
      probe: () => probeDurability(setting, source, ours.flushes, { port: ours.ports.mx, recipients: USERS }),
      remark: costOf,
    }
  },
}

function start(setting: Setting, extra: Pick<Parameters<typeof Posthouse.start>[0], 'first' | 'files'>) {
  const users = USERS.map(login => [login, 'bench secret'] as const)
  return Posthouse.start({ ...setting.serverOptions, without: CONTENT_FILTER, users, ...extra })
}

function pluginOf(name: string, asked: string): string {
  const table = MOMENTS.map(moment => `${moment}: ${asked}`).join(', ')
  return `import { definePlugin } from 'posthouse/api'
export default definePlugin({
  name: '${name}',
  summary: 'does nothing',
  config: { type: 'object', additionalProperties: false, properties: {} },
  setup: () => ({ hooks: { ${table} } }),
})
`
}

function costOf({ ours, reference }: Row): string | undefined {
  const [own, bare] = [ours.cpuMsPerMessage, reference?.cpuMsPerMessage]
  if (own === undefined || bare === undefined) return undefined
  const microseconds = ((own - bare) * 1000) / (PLUGINS * MOMENTS.length)
  return `${figure(Math.max(microseconds, 0))} µs of CPU for a plugin and hook, ${figure((own / bare - 1) * 100)} % for all`
}
