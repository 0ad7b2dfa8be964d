/**
 * The engine of our own, which hears the AD bit and asks for names of any letters: one question over UDP, over TCP when the answer is cut short,
 * from server to server until one answers. Every question has an id and a port of its own, and only its own server is heard; c-ares (`engine.ts`) shows
 * neither TLSA nor AD, and refuses such names.
 */
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, isIP, isIPv6 } from 'node:net'
import { MailError } from '../api/index.js'
import { parseEndpoint } from '../text/index.js'
import { type Asked, readAnswer, type WireAnswer, WireFault, type WireQuestion, writeQuestion } from './packet.js'

export interface WireOptions {
  /** `ip` or `ip:port`, each of them trusted to validate. */
  readonly servers: () => readonly string[]
  readonly timeoutMs: number
  readonly tries: number
}

export interface WireEngine {
  ask(question: WireQuestion, name: string): Promise<WireAnswer>
}

interface Server {
  readonly host: string
  readonly port: number
}

export function wireEngine(options: WireOptions): WireEngine {
  return {
    async ask(question, name) {
      let why = 'there is no name server'
      for (let round = 0; round < options.tries; round += 1) {
        let silent = false
        for (const server of options.servers().flatMap(text => serverOf(text) ?? [])) {
          try {
            return await askOne(server, question, name, options.timeoutMs)
          } catch (error) {
            if (!(error instanceof WireFault || error instanceof Silence)) throw error
            why = error.message
            silent ||= error instanceof Silence
          }
        }
        // Who has answered would say the same again.
        if (!silent) break
      }
      throw new MailError('dns-unavailable', `${question.toUpperCase()} ${name}: ${why}`)
    },
  }
}

/** No answer in time, or no way there. */
class Silence extends Error {}

async function askOne(server: Server, question: WireQuestion, name: string, timeoutMs: number): Promise<WireAnswer> {
  const asked: Asked = { id: randomInt(65_536), question, name }
  const answer = await byUdp(server, asked, timeoutMs)
  if (!answer.truncated) return answer
  const whole = await byTcp(server, { ...asked, id: randomInt(65_536) }, timeoutMs)
  if (whole.truncated) throw new WireFault('cut short by TCP too')
  return whole
}

function byUdp(server: Server, asked: Asked, timeoutMs: number): Promise<WireAnswer> {
  const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4')
  return new Promise((resolve, reject) => {
    const end = (then: () => void) => {
      clearTimeout(timer)
      socket.removeAllListeners()
      socket.on('error', () => undefined)
      socket.close()
      then()
    }
    const timer = setTimeout(() => end(() => reject(new Silence('no answer in time'))), timeoutMs)
    socket.on('error', error => end(() => reject(new Silence(systemCode(error)))))
    socket.on('message', (octets: Buffer) => {
      try {
        const answer = readAnswer(octets, asked)
        end(() => resolve(answer))
      } catch (error) {
        if (!(error instanceof WireFault && error.foreign)) end(() => reject(error))
      }
    })
    // Connected, so that nobody else is heard; the port is the system's choice, a random one.
    socket.connect(server.port, server.host, () => socket.send(writeQuestion(asked)))
  })
}

/** RFC 1035 §4.2.2: a length of two octets in front. */
function byTcp(server: Server, asked: Asked, timeoutMs: number): Promise<WireAnswer> {
  const socket = connect(server)
  return new Promise((resolve, reject) => {
    const end = (then: () => void) => {
      clearTimeout(timer)
      socket.removeAllListeners()
      socket.on('error', () => undefined)
      socket.destroy()
      then()
    }
    const timer = setTimeout(() => end(() => reject(new Silence('no answer in time'))), timeoutMs)
    socket.on('error', error => end(() => reject(new Silence(systemCode(error)))))
    socket.on('close', () => end(() => reject(new Silence('closed before the answer'))))
    const chunks: Buffer[] = []
    let length = 0
    socket.on('data', chunk => {
      chunks.push(chunk)
      length += chunk.length
      if (length < 2) return
      const octets = Buffer.concat(chunks)
      const wanted = 2 + octets.readUInt16BE(0)
      if (length < wanted) return
      try {
        const answer = readAnswer(octets.subarray(2, wanted), asked)
        end(() => resolve(answer))
      } catch (error) {
        end(() => reject(error))
      }
    })
    const question = writeQuestion(asked)
    socket.write(Buffer.concat([Buffer.from([question.length >> 8, question.length & 0xff]), question]))
  })
}

function systemCode(error: Error): string {
  return 'code' in error ? String(error.code) : 'no way to the server'
}

export function serverOf(text: string): Server | undefined {
  if (isIP(text) !== 0) return { host: text, port: 53 }
  const parts = parseEndpoint(text)
  return parts?.kind === 'tcp' ? parts : undefined
}
