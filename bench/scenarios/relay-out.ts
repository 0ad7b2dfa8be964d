/**
 * relay-out: the whole way through: accepted, durably queued, claimed, delivered by `mx` over a static route to a sink, settled.
 * A session sends its next message when the sink has the last one, so sessions are messages within the system, and a latency is
 * from MAIL FROM at our door to the last octet at the sink's. Without content filter, as for people who are logged in. `world` is the same to hosts that
 * answer as large providers do, with delays, 421, 4xx, greylisting and 5xx (lib/world.ts): a message is over when it was taken or refused for good. What is put
 * off is tried again after a second, so the latencies say as much of the schedule as of us; the reference is the same server before the sink that takes all.
 */
import { join } from 'node:path'
import { Part } from '../lib/part.js'
import { Posthouse } from '../lib/posthouse.js'
import { CONTENT_FILTER, mostMessages, type Scenario, type Setting, type Side, type Stage } from '../lib/scenario.js'
import { probeDurability, startReference, startSink, startSource } from '../lib/smtp-stage.js'
import type { WorldQuestions } from '../lib/world.js'

/** As many as keep the default of 20 deliveries at once busy with 4 per lane. */
const LANES = 5
const DOMAINS = Array.from({ length: LANES * 2 }, (_, i) => `d${i}.sink.test`)
const KB = 1024

export const relayOut: Scenario = {
  name: 'relay-out',
  asks: 'How much mail goes through: accepted, queued durably, delivered to another host, settled?',
  variants: ['sink', 'world'],
  usual: [
    { variant: 'sink', sessions: 1, size: 4 * KB },
    { variant: 'sink', sessions: 20, size: 4 * KB },
    { variant: 'sink', sessions: 20, size: 50 * KB },
    { variant: 'world', sessions: 200, size: 4 * KB },
  ],
  async open(variant, _cases, setting): Promise<Stage> {
    if (variant === 'world') return beforeTheWorld(setting)
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
        source.ask({
          port,
          sessions,
          size,
          recipients,
          seconds,
          maxMessages: mostMessages(size, setting.args),
          confirmPort,
        })
    return {
      ours: { group: posthouse.group, flushes: posthouse.flushes, drive: side(posthouse.ports.mx) },
      reference: { ...reference, drive: side(reference.ports[0]!) },
      probe: () => probeDurability(setting, source, posthouse.flushes, { port: posthouse.ports.mx, recipients }),
    }
  },
}

async function beforeTheWorld(setting: Setting): Promise<Stage> {
  const world = setting.keep(new Part<WorldQuestions>('world'), part => part.end())
  const { ports, confirmPort, bouncePort } = await world.ask({ hosts: LANES })
  const sink = await startSink(setting, { tarpit: false, lanes: LANES })
  const source = startSource(setting)
  const recipients = DOMAINS.map(domain => `reader@${domain}`)
  const start = (hosts: readonly number[]): Promise<Posthouse> =>
    Posthouse.start({
      ...setting.serverOptions,
      without: CONTENT_FILTER,
      users: [],
      server: { relay_domains: DOMAINS, queue: { retry: ['1s'], jitter: 0, greylisted: { retry: ['1s'] } } },
      plugins: {
        mx: {
          routes: {
            ...Object.fromEntries(DOMAINS.map((domain, i) => [domain, `127.0.0.1:${hosts[i % LANES]}`])),
            // What is refused for good goes back to its sender.
            'source.test': `127.0.0.1:${bouncePort}`,
          },
        },
      },
    })
  const side = ({ group, flushes, ports: { mx } }: Posthouse, confirmed: number): Side => ({
    group,
    flushes,
    drive: ({ sessions, size }, seconds) =>
      source.ask({
        port: mx,
        sessions,
        size,
        recipients,
        seconds,
        maxMessages: mostMessages(size, setting.args),
        confirmPort: confirmed,
        graceMs: 60_000,
      }),
  })
  const [ours, easy] = [await start(ports), await start(sink.ports)]
  return {
    ours: side(ours, confirmPort),
    reference: side(easy, sink.confirmPort),
    probe: () => probeDurability(setting, source, ours.flushes, { port: ours.ports.mx, recipients }),
  }
}
