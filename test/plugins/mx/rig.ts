/**
 * The mx plugin set up as core would, with a real resolver and jobs made from bytes.
 */
import type { Call, Job, JobRecipient, Log, Outcome, PluginContext, Target, YamlPath } from '../../../core/api/index.js'
import { createResolver } from '../../../core/dns/resolver.js'
import { sevenBitOf } from '../../../core/pipeline/seven-bit.js'
import { aContext, servicesOf } from '../../../core/testing/context.js'
import { parseAddress } from '../../../core/text/index.js'
import mx from '../../../plugins/mx/index.js'

type Config = Parameters<typeof mx.setup>[0]['config']

/** Whoever answers at all is waited for, however busy the machine is. */
export const PATIENT = limits('60s')
/** For tests of servers that are silent. */
export const QUICK = limits('500ms')

function limits(each: string) {
  return {
    connect_timeout: each,
    greeting_timeout: each,
    command_timeout: each,
    data_timeout: each,
    block_timeout: each,
    final_timeout: each,
  }
}

const DEFAULTS: Config = {
  routes: {},
  pools: {},
  pool_rules: [],
  port: 25,
  tls: 'opportunistic',
  max_hosts: 5,
  allow_private: true,
  own_addresses: [],
  ...PATIENT,
  chunking: true,
  convert_8bit: true,
  keep_idle: '0s',
  max_idle: 20,
  sts: { use: true, port: 443, timeout: '60s' },
}

export interface Rig {
  readonly target: Target
  readonly logged: { readonly facts: object; readonly sentence: string }[]
  deliver(job: Job, signal?: AbortSignal): Promise<readonly Outcome[]>
  dispose(): void
}

export async function makeRig(
  config: Partial<Config>,
  servers: readonly string[] = [],
  ownName = 'us.test',
  more: Partial<Pick<PluginContext<Config>, 'state' | 'clock' | 'services'>> & {
    readonly doors?: readonly string[]
    readonly dnsMs?: number
    readonly trustAd?: boolean
  } = {},
): Promise<Rig> {
  const logged: Rig['logged'] = []
  const note = (facts: object, sentence: string) => void logged.push({ facts, sentence })
  const log: Log = { error: note, warn: note, info: note, debug: note, child: () => log }
  const clock = more.clock ?? { now: () => Date.now() }
  const context = {
    config: { ...DEFAULTS, ...config },
    dns: createResolver({ servers, timeoutMs: more.dnsMs ?? 30_000, tries: 1, clock, trustAd: more.trustAd ?? false }),
    clock,
    state: more.state ?? aContext({}).state,
    services: more.services ?? servicesOf({}),
    fault: (path: YamlPath, message: string) => ({ file: path.join('.'), line: 1, column: 1, message }),
    files: { resolve: (name: string) => name },
    log,
    metrics: { count: () => undefined, observe: () => undefined },
    server: { name: ownName, doors: more.doors ?? [] },
    signal: new AbortController().signal,
  } as unknown as PluginContext<Config>
  const contribution = await mx.setup(context)
  const target = contribution.targets?.mx
  if (target === undefined) throw new Error('no target')
  return {
    target,
    logged,
    deliver: (job, signal = new AbortController().signal) => target.deliver(job, { signal, log } satisfies Call),
    dispose: () => void contribution.dispose?.(),
  }
}

export const MESSAGE = Buffer.from(
  'From: a@us.test\r\nTo: b@them.test\r\nSubject: Hi\r\n\r\nHello\r\n.dot at the start\r\n..two\r\n.\r\nend\r\n',
)

export interface JobOptions {
  readonly sender?: string | null
  readonly bytes?: Buffer
  readonly utf8?: boolean
  readonly body?: Job['body']
  readonly chunkBytes?: number
  readonly failAfter?: number
  /** Of each recipient. */
  readonly detail?: JobRecipient['detail']
}

export function makeJob(to: readonly string[], options: JobOptions = {}): Job {
  const bytes = options.bytes ?? MESSAGE
  const recipients = to.map((text, row): JobRecipient => {
    const address = addressOf(text)
    return { row, to: address, original: address, dsn: { notify: [] }, tries: 0, detail: options.detail ?? {} }
  })
  const job: Job = {
    id: 'job.1',
    target: 'mx',
    lane: recipients[0]?.to.domain ?? '',
    sender: options.sender === null ? null : addressOf(options.sender ?? 'a@us.test'),
    recipients,
    received: Date.now(),
    utf8: options.utf8 ?? false,
    body: options.body ?? '8BITMIME',
    prefix: '',
    size: bytes.length,
    async *chunks() {
      const step = options.chunkBytes ?? 65_536
      for (let at = 0; at < bytes.length; at += step) {
        if (options.failAfter !== undefined && at >= options.failAfter) throw new Error('the store is gone')
        yield bytes.subarray(at, at + step)
      }
    },
    read: async (from = 0, end = bytes.length) => bytes.subarray(from, end),
    sevenBit: () => sevenBitOf(job, job, async () => ''),
  }
  return job
}

function addressOf(text: string) {
  const address = parseAddress(text)
  if (address === undefined) throw new Error(`not an address: ${text}`)
  return address
}
