/**
 * One connection to one directory server, from its socket to its end. It never opens another by itself, as its library would: the new one
 * would be in clear, and nobody's. What the server says is bounded in time and in octets.
 */
import type { Socket } from 'node:net'
import { Client, type Entry, type Filter, ResultCodeError } from 'ldapts'
import { openSocket, type Server, type SocketOptions } from './socket.js'
import { LdapDown } from './trouble.js'

/** Between two answers; a page of a list is a hundredth of it. */
const MAX_OCTETS = 32 * 1024 * 1024
const PAGE = 500

export interface Search {
  readonly base: string
  readonly scope: 'sub' | 'one' | 'base'
  readonly filter: string | Filter
  readonly attributes: readonly string[]
  /** Attributes whose values are no text. */
  readonly binary: readonly string[]
  /** Left out: all, page by page. */
  readonly most?: number
}

/** RFC 4511 §4.1.9, of a bind: the name or the password is wrong, or may not be used. */
const REFUSALS = new Map([
  [19, 'a rule of the directory'],
  [32, 'no such entry'],
  [34, 'no such name can be'],
  [48, 'it has no password'],
  [49, 'wrong password'],
  [53, 'the directory is unwilling'],
])

/** What an admin can make of other results. */
const RESULTS = new Map([
  [1, 'an error of its own, or it wants bind_dn'],
  [4, 'it tells nobody so many entries: raise its size limit for bind_dn'],
  [8, 'it wants a log-in by another way'],
  [13, 'it wants TLS'],
  [32, 'there is no such base, or bind_dn may not see it'],
  [50, 'bind_dn may not do that'],
  [51, 'it is busy'],
  [52, 'it is not available'],
])

export class Connection {
  readonly server: Server
  readonly #client: Client
  readonly #socket: Socket
  #octets = 0

  private constructor(server: Server, socket: Socket, timeoutMs: number) {
    this.server = server
    this.#socket = socket
    let used = false
    this.#client = new Client({
      url: `ldap://directory`,
      timeout: timeoutMs,
      createConnection: () => {
        if (used) throw new LdapDown(`${server.url}: the connection is over`)
        used = true
        return socket
      },
    })
    socket.on('data', chunk => {
      this.#octets += (chunk as Buffer).length
      if (this.#octets > MAX_OCTETS) socket.destroy(new Error(`it said more than ${MAX_OCTETS} octets`))
    })
  }

  /** Throws `LdapDown`. */
  static async open(server: Server, options: SocketOptions): Promise<Connection> {
    return new Connection(server, await openSocket(server, options), options.timeoutMs)
  }

  get usable(): boolean {
    return !this.#socket.destroyed && this.#socket.writable
  }

  /** Why not, or nothing: it is right. Throws `LdapDown` when the server cannot say. Never with an empty password: RFC 4513 §5.1.2. */
  async bind(dn: string, password: string): Promise<string | undefined> {
    if (password === '' || dn === '') return 'empty'
    try {
      await this.#client.bind(dn, password)
      this.#octets = 0
      return undefined
    } catch (error) {
      const why = error instanceof ResultCodeError ? REFUSALS.get(error.code) : undefined
      if (why === undefined) throw this.#down(error)
      return `${why}: ${(error as Error).message}`
    }
  }

  /** Throws `LdapDown` for everything that is no answer: a base that is not there, too, since nobody would live there any more. */
  async search({ base, scope, filter, attributes, binary, most }: Search): Promise<readonly Entry[]> {
    try {
      const { searchEntries } = await this.#client.search(base, {
        scope,
        filter,
        attributes: [...attributes],
        explicitBufferAttributes: [...binary],
        ...(most === undefined || most > PAGE ? { paged: { pageSize: PAGE } } : { sizeLimit: most }),
      })
      this.#octets = 0
      return most === undefined ? searchEntries : searchEntries.slice(0, most)
    } catch (error) {
      throw this.#down(error)
    }
  }

  close(): void {
    this.#client.unbind().catch(() => undefined)
    this.#socket.destroy()
  }

  #down(error: unknown): LdapDown {
    if (error instanceof LdapDown) return error
    const { url } = this.server
    if (!(error instanceof ResultCodeError)) {
      const { message } = error as Error
      return new LdapDown(`${url}: ${message}`, error, /timed out/.test(message))
    }
    const why = RESULTS.get(error.code)
    return new LdapDown(
      `${url}: answers ${error.code}${why === undefined ? '' : `, ${why}`}: ${error.message.trim()}`,
      error,
    )
  }
}
