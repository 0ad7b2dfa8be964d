/**
 * imap-fetch: a client reads a whole mailbox. `envelope` is what a client does at login: SELECT and FETCH 1:* (UID FLAGS ENVELOPE);
 * `bodies` brings every octet. In clear text on loopback, so that TLS is not what is measured. The reference streams the very same
 * octets, recorded from our own answer, from a bare socket.
 */
import { Part } from '../lib/part.js'
import { Posthouse } from '../lib/posthouse.js'
import type { ReaderOrder, ReaderQuestions } from '../lib/reader.js'
import { CONTENT_FILTER, type Scenario, type Setting, type Side, type Stage } from '../lib/scenario.js'
import { startReference, startSource } from '../lib/smtp-stage.js'

const PASSWORD = 'bench secret'
const KB = 1024

const COMMANDS: ReadonlyMap<string, Pick<ReaderOrder, 'before' | 'commands'>> = new Map([
  ['envelope', { before: [], commands: ['SELECT INBOX', 'FETCH 1:* (UID FLAGS ENVELOPE)'] }],
  ['bodies', { before: ['SELECT INBOX'], commands: ['FETCH 1:* (UID BODY.PEEK[])'] }],
])

export const imapFetch: Scenario = {
  name: 'imap-fetch',
  asks: 'How quickly is a mailbox read by IMAP: as a list (envelope), and whole (bodies)? A latency is one whole mailbox.',
  variants: ['envelope', 'bodies'],
  usual: [
    { variant: 'envelope', sessions: 1, size: 4 * KB },
    { variant: 'bodies', sessions: 1, size: 4 * KB },
  ],
  async open(variant, cases, setting): Promise<Stage> {
    const sizes = [...new Set(cases.map(one => one.size))]
    const { mailbox = 1000 } = setting.args
    const posthouse = await Posthouse.start({
      ...setting.serverOptions,
      without: CONTENT_FILTER,
      users: sizes.map(size => [loginOf(size), PASSWORD]),
      plugins: { imap: { cleartext_auth: true } },
    })
    for (const size of sizes) await fill(setting, posthouse.ports.mx, size, mailbox)
    const reader = setting.keep(new Part<ReaderQuestions>('reader'), part => part.end())
    const order = (port: number, size: number, sessions: number, seconds: number): ReaderOrder => ({
      port,
      sessions,
      seconds,
      login: loginOf(size),
      password: PASSWORD,
      messages: mailbox,
      ...COMMANDS.get(variant)!,
    })
    const recordings: ReadonlyMap<string, string>[] = []
    for (const size of sizes) {
      const answer = await reader.ask({ ...order(posthouse.ports.imap, size, 1, 1), recordTo: setting.folder })
      recordings.push(answer.recordings)
    }
    const reference = await startReference(setting, { kind: 'replay', recordings })
    const side =
      (portOf: (size: number) => number): Side['drive'] =>
      async ({ sessions, size }, seconds) =>
        (await reader.ask(order(portOf(size), size, sessions, seconds))).load
    return {
      ours: { group: posthouse.group, flushes: posthouse.flushes, drive: side(() => posthouse.ports.imap) },
      reference: { group: reference.group, drive: side(size => reference.ports[sizes.indexOf(size)]!) },
      probe: async () => ({ kind: 'no writes', why: 'reading acknowledges nothing' }),
    }
  },
}

/** An account per size of message. */
function loginOf(size: number): string {
  return `reader-${size}@bench.test`
}

async function fill(setting: Setting, port: number, size: number, messages: number): Promise<void> {
  const source = startSource(setting)
  const order = { port, sessions: Math.min(20, messages), size, recipients: [loginOf(size)], seconds: 120 }
  const load = await source.ask({ ...order, maxMessages: messages })
  if (load.messages !== messages) {
    throw new Error(`the mailbox could not be filled: ${load.messages} of ${messages}; ${load.errors.join('; ')}`)
  }
}
