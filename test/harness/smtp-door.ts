/**
 * An SMTP or LMTP door on a free port, with an intake that is told what to say and remembers what it was given.
 * Sockets, TLS and the spool are the real ones.
 */
import {
  type Account,
  type Authenticator,
  type Blobs,
  type Defer,
  defer,
  type Hooks,
  type Log,
  type Recipient,
  type Reject,
  reject,
  type SmtpVerb,
  via,
} from '../../core/api/index.js'
import type { LimitsConfig, ListenerConfig, PoliciesConfig, WishesConfig } from '../../core/config/types.js'
import { selfSigned } from '../../core/net/certificate.js'
import { openListener } from '../../core/net/listener.js'
import type { Receipt, Received, RecipientAnswer, Routed } from '../../core/pipeline/intake-types.js'
import { Pipeline } from '../../core/pipeline/pipeline.js'
import type { Refusal } from '../../core/pipeline/refusal-entry.js'
import { smtpListener } from '../../core/smtp/smtp.js'
import { Spool } from '../../core/storage/spool.js'
import { addressKey } from '../../core/text/index.js'
import { authenticatorOf } from './authenticator.js'
import { rememberingLog } from './log.js'
import { aServer } from './session.js'
import { tlsOf } from './tls.js'

export interface Taken extends Received {
  readonly bytes: Buffer
}

export interface DoorOptions {
  readonly listener?: Partial<ListenerConfig>
  readonly limits?: Partial<LimitsConfig>
  readonly smtp?: {
    policies?: Partial<PoliciesConfig>
    banner?: string
    without?: readonly string[]
    vrfy?: 'never' | 'local'
    wishes?: Partial<WishesConfig>
    requireTls?: boolean
  }
  readonly hooks?: Hooks
  /** Left out: alice with the password `secret`, and no directory. */
  readonly authenticator?: Authenticator
  readonly mayXclient?: boolean
  readonly mayXforward?: boolean
  readonly verbs?: Readonly<Record<string, SmtpVerb>>
  /** Per recipient; default accepted. */
  readonly judge?: (received: Taken) => readonly RecipientAnswer[] | Promise<readonly RecipientAnswer[]>
  readonly blobs?: Blobs
  readonly memoryBytes?: number
  /** Gets what the trail is told of refusals. */
  readonly refusals?: Refusal[]
}

const WISHES: WishesConfig = { maxHoldMs: 86_400_000, leastByMs: 60_000, maxPriority: 4 }

export const LIMITS: LimitsConfig = {
  messageBytes: 100_000,
  recipients: 5,
  headerBytes: 10_000,
  lineBytes: 4096,
  commands: 1000,
  errors: 20,
  connections: 100,
  connectionsTotal: 1000,
  connectionsPerNetwork: 1000,
  exempt: [],
  commandsBeforeLogin: 50,
  commandMs: 5000,
  dataMs: 5000,
  messageMs: 60_000,
  hops: 10,
}

const STRICT: PoliciesConfig = {
  bareCr: 'refuse',
  bareLf: 'refuse',
  nul: 'refuse',
  earlyTalk: 'refuse',
  beforeTls: 'refuse',
}

const ACCOUNT: Account = { id: 'a1', login: 'alice', addresses: ['alice@example.test'] }

const authenticator = authenticatorOf((login, password) => {
  if (login === 'broken') throw new Error('the directory is down')
  return login === 'alice' && password === 'secret'
    ? ACCOUNT
    : reject('Authentication failed', { code: 535, status: '5.7.8' })
})

export class SmtpDoor {
  readonly port: number
  readonly taken: Taken[]
  readonly log: ReturnType<typeof rememberingLog>
  readonly #close: () => Promise<void>
  readonly #drain: AbortController

  private constructor(
    port: number,
    taken: Taken[],
    log: ReturnType<typeof rememberingLog>,
    drain: AbortController,
    close: () => Promise<void>,
  ) {
    this.port = port
    this.taken = taken
    this.log = log
    this.#drain = drain
    this.#close = close
  }

  static async open(options: DoorOptions = {}): Promise<SmtpDoor> {
    const listener = listenerOf(options)
    const log = rememberingLog()
    const taken: Taken[] = []
    const drain = new AbortController()
    const pair = selfSigned({ names: ['mail.example.test'], now: Date.now() })
    const open = await openListener(doorOf(options, listener, log, taken), {
      tls: tlsOf(pair.certificate, pair.key),
      log,
      clock: { now: () => Date.now() },
      drain: drain.signal,
      maxConnections: { ...LIMITS, ...options.limits }.connections,
    })
    const port = Number(open.address.slice(open.address.lastIndexOf(':') + 1))
    return new SmtpDoor(port, taken, log, drain, async () => {
      open.stop()
      open.abort()
      await open.idle
    })
  }

  drain(): void {
    this.#drain.abort()
  }

  close(): Promise<void> {
    return this.#close()
  }
}

function listenerOf({ listener }: DoorOptions): ListenerConfig {
  return {
    name: 'mx',
    protocol: 'smtp',
    address: '127.0.0.1:0',
    tls: 'starttls',
    auth: 'none',
    cleartextAuth: false,
    ...listener,
  }
}

function doorOf(options: DoorOptions, listener: ListenerConfig, log: Log, taken: Taken[]) {
  const limits = { ...LIMITS, ...options.limits }
  const metrics = { count: () => undefined, observe: () => undefined }
  const entry = {
    plugin: 'test',
    hooks: options.hooks ?? {},
    unless: [],
    on: [],
    timeoutMs: 300,
    onError: 'defer',
  } as const
  return smtpListener(listener, {
    pipeline: new Pipeline([entry], metrics),
    intake: {
      route: async (_session, _labels, _envelope, recipient) => routeOf(recipient),
      receive: async received => receive(received, taken, options.judge),
    },
    authenticator: options.authenticator ?? authenticator,
    reverseOf: async () => ({ kind: 'none' }),
    spool: () =>
      new Spool(options.blobs ?? noBlobs, {
        maxHeaderBytes: limits.headerBytes,
        memoryBytes: options.memoryBytes ?? 64 * 1024 * 1024,
      }),
    verbs: new Map(Object.entries(options.verbs ?? {})),
    server: aServer(),
    smtp: {
      without: [],
      vrfy: 'never',
      requireTls: false,
      ...options.smtp,
      wishes: { ...WISHES, ...options.smtp?.wishes },
      policies: { ...STRICT, ...options.smtp?.policies },
    },
    limits,
    clock: { now: () => Date.now() },
    log,
    metrics,
    trusted: address => address === '192.0.2.99',
    mayXclient: () => options.mayXclient ?? false,
    mayXforward: () => options.mayXforward ?? false,
    refusals: { note: refusal => void options.refusals?.push(refusal) },
  })
}

function routeOf(recipient: Recipient): Routed | Reject | Defer {
  const { local } = recipient.address
  if (local === 'unknown') return reject('No such mailbox here', { status: '5.1.1' })
  if (local === 'later') return defer('The directory is busy')
  if (local === 'throws') throw new Error('route threw')
  if (addressKey(recipient.address).endsWith('@elsewhere.test')) return reject('Relaying is not allowed')
  const copies = local.startsWith('list') ? 6000 : 1
  return { recipient, claims: Array.from({ length: copies }, () => via('mda', recipient.address)) }
}

async function receive(received: Received, taken: Taken[], judge: DoorOptions['judge']): Promise<Receipt> {
  const whole: Taken = { ...received, bytes: await received.message.read() }
  const answers = judge === undefined ? received.routed.map(() => accepted) : await judge(whole)
  taken.push(whole)
  return { id: received.envelope.id, answers }
}

const accepted: RecipientAnswer = { kind: 'accepted', text: 'Message accepted' }

/** The spool of these tests stays in memory. */
const noBlobs: Blobs = {
  draft: () => {
    throw new Error('no drafts here')
  },
  read: () => Promise.reject(new Error('no blobs here')),
}
