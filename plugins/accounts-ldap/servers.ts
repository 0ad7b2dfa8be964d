/**
 * The servers of a directory, in order, as one: a shared connection for look-ups, and connections of their own for passwords, since a bind takes the
 * whole connection. A server that failed is left alone for a while, and while none answers nobody waits for them: the first to try again does.
 */
import type { Entry } from 'ldapts'
import type { Clock, Log } from 'posthouse/api'
import { Connection, type Search } from './connection.js'
import type { Server, SocketOptions } from './socket.js'
import { LdapBusy, LdapDown } from './trouble.js'

/** A server that failed is not tried again for so long, unless all have. */
const HOLD_MS = 15_000
/** All have failed: who asks within this hears it at once. */
const ALL_DOWN_MS = 1000
/** Then the first server is looked for again. */
const MAX_AGE_MS = 600_000
const MOST_QUESTIONS = 500

export interface ServersParts {
  readonly servers: readonly Server[]
  readonly socket: SocketOptions
  /** Who looks people up; left out: nobody. */
  readonly service?: { readonly dn: string; readonly password: string }
  readonly connections: number
  readonly waiting: number
  readonly clock: Clock
  readonly log: Log
}

export class Servers {
  readonly #parts: ServersParts
  readonly #failed = new Map<Server, number>()
  #allDown: { readonly at: number; readonly error: LdapDown } | undefined
  #shared: { readonly since: number; readonly opening: Promise<Connection> } | undefined
  #questions = 0
  /** Connections for passwords that nobody uses. */
  readonly #idle: Connection[] = []
  #taken = 0
  readonly #waiting: (() => void)[] = []
  #over = false

  constructor(parts: ServersParts) {
    this.#parts = parts
  }

  /** Throws `LdapDown` or `LdapBusy`. */
  async search(search: Search): Promise<readonly Entry[]> {
    if (this.#questions >= MOST_QUESTIONS) throw new LdapBusy()
    this.#questions++
    try {
      const { connection, fresh } = await this.#lookUp()
      try {
        return await connection.search(search)
      } catch (error) {
        // Servers close what has been idle: that says nothing of them.
        this.#noteLate(connection, error)
        if (fresh || connection.usable) throw error
        return await (await this.#lookUp()).connection.search(search)
      }
    } finally {
      this.#questions--
    }
  }

  /** As `Connection.bind`. */
  async bind(dn: string, password: string): Promise<string | undefined> {
    await this.#turn()
    try {
      const kept = this.#idle.pop()
      if (kept?.usable) {
        try {
          return await this.#bindBy(kept, dn, password)
        } catch (error) {
          // Servers close what has been idle: once more on a new one.
          if (!(error instanceof LdapDown)) throw error
          this.#noteLate(kept, error)
        }
      }
      return await this.#bindBy(await this.#open(undefined), dn, password)
    } finally {
      // The place goes to who has waited longest, so that nobody who comes now takes it.
      const next = this.#waiting.shift()
      if (next === undefined) this.#taken--
      else next()
    }
  }

  close(): void {
    this.#over = true
    for (const connection of this.#idle.splice(0)) connection.close()
    this.#shared?.opening.then(
      connection => connection.close(),
      () => undefined,
    )
  }

  /** One that hangs is left alone for a while: the next is asked at once. */
  #noteLate({ server }: Connection, error: unknown): void {
    if (error instanceof LdapDown && error.late) this.#failed.set(server, this.#parts.clock.now())
  }

  async #bindBy(connection: Connection, dn: string, password: string): Promise<string | undefined> {
    try {
      const why = await connection.bind(dn, password)
      if (this.#over || this.#idle.length >= this.#parts.connections) connection.close()
      else this.#idle.push(connection)
      return why
    } catch (error) {
      connection.close()
      throw error
    }
  }

  async #turn(): Promise<void> {
    const { connections, waiting } = this.#parts
    if (this.#taken >= connections) {
      if (this.#waiting.length >= waiting) throw new LdapBusy()
      await new Promise<void>(resolve => {
        this.#waiting.push(resolve)
      })
    } else this.#taken++
  }

  async #lookUp(): Promise<{ readonly connection: Connection; readonly fresh: boolean }> {
    const now = this.#parts.clock.now()
    const shared = this.#shared
    if (shared !== undefined) {
      const connection = await shared.opening
      const stays = connection.usable && now - shared.since < MAX_AGE_MS
      if (stays) return { connection, fresh: false }
      // Who else waited for it has put a new one there meanwhile.
      if (this.#shared === shared) {
        this.#shared = undefined
        // What is under way on it ends by itself.
        setTimeout(() => connection.close(), this.#parts.socket.timeoutMs).unref()
      }
    }
    return { connection: await this.#share(now), fresh: true }
  }

  #share(now: number): Promise<Connection> {
    if (this.#shared !== undefined) return this.#shared.opening
    const opening = this.#open(this.#parts.service)
    const shared = { since: now, opening }
    this.#shared = shared
    opening.catch(() => {
      if (this.#shared === shared) this.#shared = undefined
    })
    return opening
  }

  /** By the first server that answers. */
  async #open(service: ServersParts['service']): Promise<Connection> {
    const { servers, socket, clock, log } = this.#parts
    if (this.#over) throw new LdapDown('the server ends')
    const now = clock.now()
    if (this.#allDown !== undefined && now - this.#allDown.at < ALL_DOWN_MS) throw this.#allDown.error
    const held = (server: Server) => now - (this.#failed.get(server) ?? Number.NEGATIVE_INFINITY) < HOLD_MS
    const order = [...servers.filter(server => !held(server)), ...servers.filter(held)]
    const troubles: LdapDown[] = []
    for (const server of order) {
      try {
        const connection = await openAs(service, server, socket)
        this.#failed.delete(server)
        this.#allDown = undefined
        return connection
      } catch (error) {
        if (!(error instanceof LdapDown)) throw error
        this.#failed.set(server, clock.now())
        troubles.push(error)
        if (troubles.length < order.length)
          log.warn({ server: server.url, why: error.message }, 'directory server does not answer, the next is asked')
      }
    }
    const error = new LdapDown(troubles.map(({ message }) => message).join('; '), troubles[0])
    this.#allDown = { at: clock.now(), error }
    throw error
  }
}

async function openAs(service: ServersParts['service'], server: Server, options: SocketOptions): Promise<Connection> {
  const connection = await Connection.open(server, options)
  if (service === undefined) return connection
  try {
    const why = await connection.bind(service.dn, service.password)
    if (why === undefined) return connection
    throw new LdapDown(`${server.url}: it does not let us look people up as ${service.dn}: ${why}`)
  } catch (error) {
    connection.close()
    throw error
  }
}
