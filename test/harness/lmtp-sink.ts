/**
 * An LMTP server (RFC 2033) that takes mail and keeps it, for tests: on TCP or on a Unix socket. After the final dot it answers for each
 * recipient as the script says; `drop` ends the connection in place of an answer.
 */
import { createServer, type Server, type Socket } from 'node:net'

export interface LmtpSinkOptions {
  /** A Unix socket in place of a port. */
  readonly path?: string
  /** For one recipient, after the final dot; default: taken. */
  readonly answer?: (recipient: string) => string | 'drop'
  readonly rcpt?: (recipient: string) => string | undefined
}

export interface LmtpMessage {
  readonly recipients: readonly string[]
  readonly data: string
}

export class LmtpSink {
  readonly messages: LmtpMessage[] = []
  readonly commands: string[] = []
  connections = 0
  readonly #options: LmtpSinkOptions
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined

  constructor(options: LmtpSinkOptions = {}) {
    this.#options = options
  }

  async start(): Promise<this> {
    const server = createServer(socket => this.#serve(socket))
    const { path } = this.#options
    await new Promise<void>(resolve =>
      path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve),
    )
    this.#server = server
    return this
  }

  get port(): number {
    const bound = this.#server?.address()
    return typeof bound === 'object' && bound !== null ? bound.port : 0
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server?.close(resolve) ?? resolve(undefined))
  }

  #serve(socket: Socket): void {
    this.connections += 1
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy()).on('close', () => this.#sockets.delete(socket))
    let buffered = ''
    let data: string | undefined
    let recipients: string[] = []
    const say = (line: string) => void socket.write(`${line}\r\n`)
    const finish = (text: string) => {
      this.messages.push({ recipients, data: text })
      for (const recipient of recipients) {
        const answer = this.#options.answer?.(recipient) ?? '250 2.1.5 taken'
        if (answer === 'drop') return void socket.end()
        say(answer)
      }
      recipients = []
    }
    const command = (line: string) => {
      this.commands.push(line)
      const recipient = /^RCPT TO:<(.*?)>/i.exec(line)?.[1]
      if (/^LHLO /i.test(line)) return say('250-lmtp.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES')
      if (/^MAIL /i.test(line)) return say('250 2.1.0 ok')
      if (recipient !== undefined) {
        const refusal = this.#options.rcpt?.(recipient)
        if (refusal === undefined) recipients.push(recipient)
        return say(refusal ?? '250 2.1.5 ok')
      }
      if (/^DATA/i.test(line)) {
        if (recipients.length === 0) return say('503 5.5.1 no valid recipients')
        data = ''
        return say('354 go on')
      }
      if (/^RSET/i.test(line)) return say('250 2.0.0 ok')
      if (/^QUIT/i.test(line)) {
        say('221 2.0.0 bye')
        return void socket.end()
      }
      return say('500 5.5.2 what?')
    }
    say('220 lmtp.test LMTP')
    socket.on('data', chunk => {
      buffered += chunk.toString('latin1')
      for (let end = buffered.indexOf('\r\n'); end >= 0; end = buffered.indexOf('\r\n')) {
        const line = buffered.slice(0, end)
        buffered = buffered.slice(end + 2)
        if (data === undefined) command(line)
        else if (line === '.') {
          const whole = data
          data = undefined
          finish(whole)
        } else data += `${line.replace(/^\./, '')}\r\n`
      }
    })
  }
}
