/** Hands a message in by SMTP in clear, as a trusted program would, and insists on 250. */
import { connect } from 'node:net'

export interface Sent {
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly text?: string
}

export function sendMail(port: number, { from, to, subject, text = 'hello' }: Sent): Promise<void> {
  const header = `From: <${from}>\r\nTo: <${to[0]}>\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@client.test>\r\n`
  return sendOctets(port, { from, to, octets: Buffer.from(`${header}\r\n${text}\r\n`) })
}

export interface SentOctets {
  /** Empty: the null sender. */
  readonly from: string
  readonly to: readonly string[]
  /** Lines end in CRLF, the last one too. */
  readonly octets: Buffer
  /** Behind MAIL FROM. */
  readonly parameters?: string
}

export async function sendOctets(port: number, { from, to, octets, parameters = '' }: SentOctets): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  let heard = ''
  let wake: () => void = () => undefined
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    heard += chunk
    wake()
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => wake())
  const reply = async (code: number): Promise<void> => {
    for (;;) {
      const whole = /^(?:\d{3}-.*\r\n)*(\d{3})(?: .*)?\r\n/.exec(heard)
      if (whole !== null) {
        heard = heard.slice(whole[0].length)
        if (Number(whole[1]) !== code) throw new Error(`expected ${code}, got ${whole[0]}`)
        return
      }
      if (socket.destroyed) throw new Error(`the server closed after: ${heard}`)
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
  const say = (line: string, code: number) => {
    socket.write(`${line}\r\n`)
    return reply(code)
  }
  try {
    await reply(220)
    await say('EHLO client.test', 250)
    await say(`MAIL FROM:<${from}>${parameters === '' ? '' : ` ${parameters}`}`, 250)
    for (const one of to) await say(`RCPT TO:<${one}>`, 250)
    await say('DATA', 354)
    socket.write(octets.toString('latin1').replace(/(^|\r\n)\./g, '$1..'), 'latin1')
    await say('.', 250)
    await say('QUIT', 221)
  } finally {
    socket.destroy()
  }
}
