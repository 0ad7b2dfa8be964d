/**
 * Mail servers that misbehave, each at a loopback address of its own and all at one port, as MX records want it: what each does wrong, and
 * which of its recipients shall have the mail in the end.
 */
import { selfSigned } from '../../core/net/certificate.js'
import type { SinkAnswer, Stage } from './sink-script.js'
import { type SinkMessage, type SinkOptions, SmtpSink } from './smtp-sink.js'
import { TEST_CERT, TEST_KEY } from './test-cert.js'

/** `once`: exactly one copy; `twice`: a copy more, since nobody heard that it was taken; `bounce`: it comes back. */
export type End = 'once' | 'twice' | 'bounce'

export interface BadServer {
  readonly domain: string
  readonly options: SinkOptions
  /** By recipient. */
  end(local: string): End
}

type Script = NonNullable<SinkOptions['script']>

const REST = ['PIPELINING', '8BITMIME', 'ENHANCEDSTATUSCODES', 'SIZE 1000000']

/** The first so many times. */
function first(times: number, at: Stage, answer: SinkAnswer): Script {
  let left = times
  return stage => (stage === at && left-- > 0 ? answer : undefined)
}

function greylisting(): Script {
  const known = new Set<string>()
  return (stage, argument) => {
    if (stage !== 'rcpt' || known.has(argument)) return undefined
    known.add(argument)
    return '450 4.2.0 greylisted, come again'
  }
}

/** Takes so many recipients at a time. */
function few(most: number): Script {
  let count = 0
  return stage => {
    if (stage === 'mail' || stage === 'rset') count = 0
    return stage === 'rcpt' && ++count > most ? '452 4.5.3 too many recipients' : undefined
  }
}

function server(domain: string, options: SinkOptions | Script, end: BadServer['end'] = () => 'once'): BadServer {
  const made = typeof options === 'function' ? { script: options } : options
  return { domain, end, options: { keywords: REST, ...made } }
}

export function badServers(): readonly BadServer[] {
  const other = selfSigned({ names: ['other.test'], now: Date.now() })
  const isOdd = (local: string) => Number(/\d+/.exec(local)?.[0] ?? 0) % 2 === 1
  return [
    server('grey.test', greylisting()),
    server('storm.test', first(3, 'connect', { kind: 'drop', reply: '421 4.3.2 too busy' })),
    server('storm-later.test', first(3, 'rcpt', { kind: 'drop', reply: '421 4.7.0 too fast' })),
    server('slow.test', () => ({ kind: 'late', ms: 50 })),
    server('cutting.test', first(2, 'data', { kind: 'cut', after: 20 })),
    server('dropping.test', first(2, 'end', { kind: 'drop' })),
    server('dying.test', first(1, 'end', { kind: 'lost' }), () => 'twice'),
    server('no-handshake.test', {
      tls: { cert: TEST_CERT, key: TEST_KEY },
      script: first(1000, 'starttls', { kind: 'drop', reply: '220 go' }),
    }),
    server('wrong-name.test', { tls: { cert: other.certificate, key: other.key } }),
    server(
      'half.test',
      (stage, argument) => (stage === 'rcpt' && isOdd(argument) ? '550 5.1.1 no such person' : undefined),
      local => (isOdd(local) ? 'bounce' : 'once'),
    ),
    server('few.test', few(2)),
    server('full.test', first(1000, 'end', '552 5.2.2 mailbox full'), () => 'bounce'),
    server('old.test', {
      keywords: [],
      script: (stage, argument) => (stage === 'ehlo' && argument.startsWith('EHLO') ? '502 5.5.1 what?' : undefined),
    }),
    server('no-chunks.test', { keywords: [...REST, 'CHUNKING'], script: first(1000, 'bdat', '500 5.5.1 what?') }),
    server('chunks.test', { keywords: [...REST, 'CHUNKING'] }),
    server('nested.test', first(2, 'mail', '503 5.5.1 nested MAIL')),
    server('surplus.test', first(2, 'mail', { kind: 'raw', bytes: '250 2.0.0 hello again\r\n250 2.1.0 ok\r\n' })),
    server('garbage.test', first(2, 'ehlo', { kind: 'raw', bytes: 'SSH-2.0-OpenSSH\r\n' })),
    server(
      'banner.test',
      first(1000, 'connect', { kind: 'flood', bytes: '220-welcome to a very friendly server\r\n' }),
      () => 'bounce',
    ),
    server('deaf.test', first(1000, 'connect', { kind: 'silent' }), () => 'bounce'),
  ]
}

export interface Copy {
  readonly message: string
  readonly to: string
}

export class BadWorld {
  readonly copies: Copy[] = []
  readonly servers: readonly BadServer[] = badServers()
  readonly #sinks: SmtpSink[] = []

  /** Names and addresses for a name server. */
  get zones(): Readonly<Record<string, { mx?: readonly (readonly [number, string])[]; a?: readonly string[] }>> {
    return Object.fromEntries(
      this.servers.flatMap(({ domain }, at) => [
        [domain, { mx: [[10, `mx.${domain}`]] as const }],
        [`mx.${domain}`, { a: [addressOf(at)] }],
      ]),
    )
  }

  async start(port: number): Promise<void> {
    for (const [at, { options }] of this.servers.entries()) {
      const sink = new SmtpSink({ ...options, address: addressOf(at), port, taken: message => this.#take(message) })
      this.#sinks.push(await sink.start())
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sinks.map(sink => sink.stop()))
  }

  #take({ data, recipients }: SinkMessage): void {
    const message = idOf(data.toString('latin1'))
    for (const to of recipients) this.copies.push({ message, to })
  }
}

function addressOf(at: number): string {
  return `127.0.0.${at + 20}`
}

export function idOf(text: string): string {
  return /^Message-ID: <(.*?)>/im.exec(text)?.[1] ?? ''
}
