/**
 * relay-out: the whole way through: accepted, durably queued, claimed, delivered by `mx` over a static route to a sink, settled.
 * A session sends its next message when the sink has the last one, so sessions are messages within the system, and a latency is
 * from MAIL FROM at our door to the last octet at the sink's. Without content filter, as for people who are logged in.
 */
import { join } from 'node:path'
import { Posthouse } from '../lib/posthouse.js'
import { CONTENT_FILTER, mostMessages, type Scenario, type Side, type Stage } from '../lib/scenario.js'
import { probeDurability, startReference, startSink, startSource } from '../lib/smtp-stage.js'

/** As many as keep the default of 20 deliveries at once busy with 4 per lane. */
const LANES = 5
const DOMAINS = Array.from({ length: LANES * 2 }, (_, i) => `d${i}.sink.test`)
const KB = 1024

export const relayOut: Scenario = {
  name: 'relay-out',
  asks: 'How much mail goes through: accepted, queued durably, delivered to another host, settled?',
  variants: ['sink'],
  usual: [
    { variant: 'sink', sessions: 1, size: 4 * KB },
    { variant: 'sink', sessions: 20, size: 4 * KB },
    { variant: 'sink', sessions: 20, size: 50 * KB },
  ],
  async open(_variant, _cases, setting): Promise<Stage> {
    const source = startSource(setting)
    const { ports, confirmPort } = await startSink(setting, { tarpit: false, lanes: LANES })
    const routes = Object.fromEntries(DOMAINS.map((domain, i) => [domain, `127.0.0.1:${ports[i % LANES]}`]))
    const posthouse = await Posthouse.start({
      ...setting.serverOptions,
      without: CONTENT_FILTER,
      users: [],
      server: { relay_domains: DOMAINS },
      plugins: { mx: { routes } },
    })
    const reference = await startReference(setting, {
      kind: 'relay',
      folder: join(setting.folder, 'reference'),
      sinkPorts: ports,
      connections: 20,
    })
    const recipients = DOMAINS.map(domain => `reader@${domain}`)
    const side =
      (port: number): Side['drive'] =>
      ({ sessions, size }, seconds) =>
        source.ask({ port, sessions, size, recipients, seconds, maxMessages: mostMessages(size), confirmPort })
    return {
      ours: { group: posthouse.group, flushes: posthouse.flushes, drive: side(posthouse.ports.mx) },
      reference: { ...reference, drive: side(reference.ports[0]!) },
      probe: () => probeDurability(setting, source, posthouse.flushes, { port: posthouse.ports.mx, recipients }),
    }
  },
}
