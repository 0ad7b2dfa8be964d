/**
 * Allow and deny lists: networks at connect, names at HELO, senders at MAIL, recipients at RCPT. A deny refuses with the
 * reason its entry gives; an allow sets the label `allow-listed`, which permits nothing: later entries of plugins.yaml may skip on it.
 */
import { type Answered, type Call, ConfigError, definePlugin, label, reject } from 'posthouse/api'
import { printable } from 'posthouse/text'
import type { Entry } from './lists.js'
import { readAccess } from './read.js'

const LABEL = 'allow-listed'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    file: {
      type: 'string',
      minLength: 1,
      default: 'access.yaml',
      description: 'the lists, seen from the config directory; may be missing',
    },
  },
} as const

export default definePlugin({
  name: 'access',
  summary: 'allow and deny lists of networks, names, senders and recipients',
  config: CONFIG,
  async setup({ config, files, log }) {
    const { lists, faults, entries } = await readAccess(files, config.file)
    if (faults.length > 0) throw new ConfigError(faults)
    log.debug({ entries }, 'access lists read')
    return {
      labels: [LABEL],
      hooks: {
        connect: ({ session }, call) => answer(lists.networks.find(session.remote.address), 554, call),
        helo: ({ name }, call) => answer(lists.names.find(name), 550, call),
        mail: ({ envelope: { sender } }, call) =>
          answer(lists.senders.find(sender?.local ?? '', sender?.domain), 550, call),
        rcpt: ({ recipient: { address } }, call) =>
          answer(lists.recipients.find(address.local, address.domain), 550, call),
      },
    }
  },
})

export function answer(entry: Entry | undefined, code: number, call: Pick<Call, 'log'>): Answered['connect'] {
  if (entry === undefined) return undefined
  call.log.info({ list: entry.kind, entry: entry.pattern, place: entry.place }, 'access list hit')
  if (entry.kind === 'allow') return label(LABEL)
  return reject(entry.reason === undefined ? 'Access denied' : printable(entry.reason, 300), { code, status: '5.7.1' })
}
