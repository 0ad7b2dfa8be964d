/**
 * Questions by datagram. node:cluster hands every worker the same socket, which the supervisor has bound, as it does with doors: nothing is
 * bound twice, a port below 1024 is opened before root is given up, and a reload loses no question.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Log, Metrics } from 'posthouse/api'
import { parseEndpoint, plainIp } from 'posthouse/text'
import type { ZoneServer } from './server.js'

/** Questions under way at the same time; beyond them they are dropped, and askers ask again. */
const MOST_UNDER_WAY = 1000
const AGAIN_MS = 5000
/** For questions that are under way at the end. */
const LAST_MS = 500

export class DatagramDoor {
  readonly #address: string
  readonly #server: ZoneServer
  readonly #log: Log
  readonly #metrics: Metrics
  #socket: Socket | undefined
  #again: NodeJS.Timeout | undefined
  #underWay = 0
  #closed = false
  /** Ends a closing that waits. */
  #idle: () => void = () => undefined

  constructor(address: string, server: ZoneServer, log: Log, metrics: Metrics) {
    this.#address = address
    this.#server = server
    this.#log = log
    this.#metrics = metrics
  }

  /** Tries again and again: by TCP it listens already. Resolves when it was tried once. */
  open(): Promise<void> {
    const place = parseEndpoint(this.#address)
    if (place?.kind !== 'tcp' || this.#closed) return Promise.resolve()
    return new Promise(resolve => {
      const socket = createSocket({ type: isIPv6(place.host) ? 'udp6' : 'udp4', ipv6Only: isIPv6(place.host) })
      this.#socket = socket
      socket.on('error', error => {
        this.#failed(socket, error)
        resolve()
      })
      socket.on('message', (packet, from) => void this.#take(socket, packet, from))
      socket.bind({ address: place.host, port: place.port }, () => resolve())
    })
  }

  /**
   * Resolves when no question is under way, so that the list is not closed below one: others have the socket too, and what nobody has read
   * yet is theirs. Where questions never cease, those that are under way after a while are left.
   */
  close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#again)
    return new Promise(resolve => {
      const late = setTimeout(() => this.#idle(), LAST_MS)
      this.#idle = () => {
        clearTimeout(late)
        this.#socket?.close()
        this.#socket = undefined
        resolve()
      }
      if (this.#underWay === 0) this.#idle()
    })
  }

  #failed(socket: Socket, error: Error): void {
    if (this.#closed || this.#socket !== socket) return
    const { code } = error as NodeJS.ErrnoException
    this.#log.error({ address: this.#address, code }, 'no questions can be taken by UDP, trying again')
    this.#socket = undefined
    socket.close()
    this.#again = setTimeout(() => void this.open(), AGAIN_MS).unref()
  }

  async #take(socket: Socket, packet: Buffer, { address, port }: RemoteInfo): Promise<void> {
    // Nobody can be answered at port 0; it is forged.
    if (this.#underWay >= MOST_UNDER_WAY || port === 0) {
      this.#metrics.count('zone-server.dropped')
      return
    }
    this.#underWay++
    try {
      const reply = await this.#server.answer(packet, plainIp(address), 'udp')
      if (reply !== undefined && this.#socket === socket) await sent(socket, reply, port, address)
    } catch (error) {
      this.#log.error({ err: error }, 'a question by UDP failed')
    } finally {
      this.#underWay--
      if (this.#closed && this.#underWay === 0) this.#idle()
    }
  }
}

/** It has left, or could not: who asked asks again. A socket that is closed sooner takes it along. */
function sent(socket: Socket, reply: Buffer, port: number, address: string): Promise<void> {
  return new Promise(resolve => socket.send(reply, port, address, () => resolve()))
}
