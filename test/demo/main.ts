/**
 * `npm run demo`: a handful of mails through a server of its own, with for each what the hooks said and where it went. Nothing leaves
 * loopback: the world is a name server and a mail sink started here, and everything is removed afterwards.
 */
import { connect, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { startDnsServer } from '../harness/dns-server.js'
import { eventually, Instance } from '../harness/instance.js'
import { SmtpSink } from '../harness/smtp-sink.js'
import { type DemoMail, MAILS, PASSWORD } from './mails.js'
import { type Line, readLines, story } from './story.js'

const print = (line = ''): void => {
  process.stdout.write(`${line}\n`)
}

async function main(): Promise<void> {
  print('Starting a Posthouse of its own, a name server and a mail sink, all on loopback …')
  const sink = await new SmtpSink({ name: 'mx.world.test' }).start()
  const dns = await startDnsServer({
    'world.test': { mx: [[10, 'mx.world.test']] },
    'mx.world.test': { a: ['127.0.0.1'] },
  })
  const instance = await Instance.make({
    users: [['alice@example.test', PASSWORD]],
    server: { dns: { servers: [dns.address] }, log: { level: 'debug', pretty: 'never' } },
    plugins: { mx: { port: sink.port, allow_private: true } },
  })
  try {
    await instance.start()
    for (const mail of MAILS) await show(instance, sink, mail)
    print('The same is in the log of every server: one id goes from the greeting to the queue and the mailbox.')
  } finally {
    await instance.destroy()
    await dns.close()
    await sink.stop()
  }
}

async function show(instance: Instance, sink: SmtpSink, mail: DemoMail): Promise<void> {
  print()
  print(`── ${mail.title} ${'─'.repeat(Math.max(0, 90 - mail.title.length))}`)
  print(`   ${mail.about}`)
  const from = readLines(instance.log).length
  const before = sink.messages.length
  const replies = await send(instance, mail)
  for (const [said, heard] of replies) print(`   C: ${said.padEnd(44)} S: ${heard}`)
  const lines = await eventually(() => {
    const fresh = readLines(instance.log).slice(from)
    return isOver(fresh, mail) ? fresh : undefined
  }).catch(() => readLines(instance.log).slice(from))
  for (const line of story(lines)) print(`   ${line}`)
  if (sink.messages.length > before) {
    const got = sink.messages.at(-1)!
    print(`   → the sink of world.test has it for ${got.recipients.join(', ')}, ${got.tls ? 'by TLS' : 'in clear'}`)
  }
}

function isOver(lines: readonly Line[], mail: DemoMail): boolean {
  return lines.some(({ msg }) => mail.until.test(String(msg)) || msg === 'message refused')
}

/** A plain client, so that what is said can be shown. */
async function send(instance: Instance, mail: DemoMail): Promise<[string, string][]> {
  const wire = new Wire(instance, mail.login)
  const replies: [string, string][] = []
  const say = async (line: string, shown = line): Promise<boolean> => {
    const heard = await wire.say(line)
    replies.push([shown, heard])
    return heard.startsWith('2') || heard.startsWith('3')
  }
  await wire.reply()
  await wire.say('EHLO demo.elsewhere.test')
  if (mail.login) {
    const token = Buffer.from(`\0alice@example.test\0${PASSWORD}`).toString('base64')
    await say(`AUTH PLAIN ${token}`, 'AUTH PLAIN …')
  }
  const taken = (await say(`MAIL FROM:<${mail.sender}>`)) && (await say(`RCPT TO:<${mail.recipient}>`))
  if (taken && (await say('DATA'))) {
    await say(`${mail.text.replace(/\n/g, '\r\n').replace(/^\./gm, '..')}\r\n.`, '(message) .')
  }
  await wire.say('QUIT')
  wire.close()
  return replies
}

class Wire {
  readonly #socket: Socket
  #buffer = ''

  constructor({ ports }: Instance, encrypted: boolean) {
    this.#socket = encrypted
      ? tlsConnect({ port: ports.submissions, host: '127.0.0.1', rejectUnauthorized: false })
      : connect(ports.mx, '127.0.0.1')
    this.#socket.on('data', chunk => {
      this.#buffer += chunk.toString('latin1')
    })
  }

  say(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`)
    return this.reply()
  }

  reply(): Promise<string> {
    return eventually(() => {
      const match = /^(?:\d{3}-.*\r\n)*(\d{3} .*)\r\n/.exec(this.#buffer)
      if (match === null) return undefined
      this.#buffer = this.#buffer.slice(match[0].length)
      return match[1]
    })
  }

  close(): void {
    this.#socket.destroy()
  }
}

await main()
