/**
 * One question over HTTP and its answer, both in JSON. Only 200 with a JSON object is an answer: 404 is what a proxy says of a path that is gone, and
 * must not mean that nobody lives here. Bounded in time, in octets and in how many there are at once; a redirect is never followed.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { type Clock, MailError } from 'posthouse/api'

const MAX_OCTETS = 8 * 1024 * 1024
/** After it did not answer, who asks within this hears so at once. */
const DOWN_MS = 1000

export interface AskerParts {
  /** Of the source, for what is said of trouble. */
  readonly name: string
  readonly url: string
  readonly token?: string
  readonly ca?: string
  readonly connections: number
  readonly waiting: number
  readonly timeoutMs: number
  readonly clock: Clock
}

/** More questions wait than may. */
export class TooMany extends Error {
  constructor() {
    super('too many questions wait for an answer')
    this.name = 'TooMany'
  }
}

/** As it came, not looked at. */
export type Answer = Readonly<Record<string, unknown>>

export class Asker {
  readonly #parts: AskerParts
  readonly #agent: HttpAgent | HttpsAgent
  #questions = 0
  #down: { readonly at: number; readonly error: MailError } | undefined

  constructor(parts: AskerParts) {
    this.#parts = parts
    const { connections, ca } = parts
    const options = { keepAlive: true, maxSockets: connections, maxFreeSockets: connections }
    this.#agent = parts.url.startsWith('https:')
      ? new HttpsAgent({ ...options, minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) })
      : new HttpAgent(options)
  }

  /** Throws a temporary `MailError`, or `TooMany`. */
  async ask(question: object): Promise<Answer> {
    const { clock, connections, waiting } = this.#parts
    if (this.#down !== undefined && clock.now() - this.#down.at < DOWN_MS) throw this.#down.error
    if (this.#questions >= connections + waiting) throw new TooMany()
    this.#questions++
    try {
      const answer = await this.#tried(JSON.stringify(question))
      this.#down = undefined
      return answer
    } catch (error) {
      const wrong = this.trouble((error as Error).message)
      // A wrong answer may be about this one question; no answer is about all.
      if (error instanceof NoAnswer) this.#down = { at: clock.now(), error: wrong }
      throw wrong
    } finally {
      this.#questions--
    }
  }

  trouble(what: string, cause?: unknown): MailError {
    const { name, url } = this.#parts
    return new MailError('directory-unavailable', `source ${name}: ${url} ${what}`, cause)
  }

  close(): void {
    this.#agent.destroy()
  }

  async #tried(body: string): Promise<Answer> {
    // One time for all of it: an answer that drips is late as well.
    const signal = AbortSignal.timeout(this.#parts.timeoutMs)
    try {
      return parse(await this.#send(body, signal))
    } catch (error) {
      if (!(error instanceof Lost) || signal.aborted)
        throw signal.aborted ? new NoAnswer('does not answer in time') : error
      // On a new connection: servers close what has been idle.
      return parse(await this.#send(body, signal))
    }
  }

  #send(body: string, signal: AbortSignal): Promise<string> {
    const { url, token } = this.#parts
    const headers = {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      accept: 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
    const send = url.startsWith('https:') ? httpsRequest : httpRequest
    return new Promise((resolve, reject) => {
      const asked = send(url, { method: 'POST', agent: this.#agent, headers, signal }, response => {
        read(response).then(resolve, reject)
      })
      asked.on('error', (error: NodeJS.ErrnoException) => {
        const lost = asked.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
        reject(
          lost
            ? new Lost('closed the connection')
            : new NoAnswer(`does not answer: ${error.message}`, { cause: error }),
        )
      })
      asked.end(body)
    })
  }
}

class NoAnswer extends Error {}

/** A kept connection was closed while the question was on its way. */
class Lost extends NoAnswer {}

async function read(response: IncomingMessage): Promise<string> {
  const { statusCode } = response
  if (statusCode !== 200) {
    response.destroy()
    throw new Error(`answers ${statusCode}, where only 200 is an answer`)
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    size += (chunk as Buffer).length
    if (size > MAX_OCTETS) throw new Error(`answers more than ${MAX_OCTETS} octets`)
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string): Answer {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new Error('does not answer in JSON', { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('does not answer an object')
  return value as Answer
}
