/**
 * Which worker serves a new connection. All accept from the same sockets, and while they are idle the kernel wakes the same one again and again: thousands of
 * silent IMAP sessions would end up in one process. A worker that has clearly more than another passes a connection on before anything is read from it. Decided by what
 * the census knows; who waits for nobody may be wrong by a few. Where it cannot be passed on it is served here.
 */
import type { Socket } from 'node:net'

/** An open connection as the system knows it; what Node passes between processes. */
export interface RawConnection {
  close(): void
}

/** Sends it to that worker; `sent` is called when it has left this process, or could not be. */
export type PassOn = (door: string, worker: number, connection: RawConnection, sent: (done: boolean) => void) => void

export interface PassingDeps {
  /** Connections of this process. */
  readonly inside: () => number
  /** Of the other workers, by number; by `at` one knows whether it was said anew. */
  readonly others: () => Iterable<{ readonly worker: number; readonly total: number; readonly at: number }>
  readonly passOn: PassOn
}

/** So many more than the other has, and a quarter more: passing one on costs two messages between processes. */
const MARGIN = 4
const SHARE = 1.25
/** On their way at a time; more than that are served here. */
const MOST_ON_THEIR_WAY = 64
/** To a worker that has said nothing since: it may be busy, and what comes to it then waits. One that is well says so within 50 ms. */
const MOST_UNHEARD = 16

export class Passing {
  readonly #deps: PassingDeps
  /** Since the worker last said how many it has. */
  readonly #given = new Map<number, { readonly at: number; count: number }>()
  #onTheirWay = 0

  constructor(deps: PassingDeps) {
    this.#deps = deps
  }

  /** True: it is somebody else's now. `serve` is called should that fail. Nothing has been read from it. */
  offer(door: string, socket: Socket, serve: () => void): boolean {
    const connection = rawOf(socket)
    const worker = connection === undefined ? undefined : this.#whoHasRoom()
    if (connection === undefined || worker === undefined) return false
    connection.readStop()
    this.#onTheirWay += 1
    this.#deps.passOn(door, worker, connection, done => {
      this.#onTheirWay -= 1
      if (done) {
        socket.destroy()
        return
      }
      connection.readStart()
      serve()
    })
    return true
  }

  /** The number of the worker that shall have one more, if any. */
  #whoHasRoom(): number | undefined {
    if (this.#onTheirWay >= MOST_ON_THEIR_WAY) return undefined
    let least: { readonly worker: number; readonly count: number; readonly at: number } | undefined
    for (const { worker, total, at } of this.#deps.others()) {
      const given = this.#given.get(worker)
      const unheard = given?.at === at ? given.count : 0
      const count = total + unheard
      if (unheard < MOST_UNHEARD && (least === undefined || count < least.count)) least = { worker, count, at }
    }
    if (least === undefined || this.#deps.inside() < least.count * SHARE + MARGIN) return undefined
    const given = this.#given.get(least.worker)
    if (given?.at === least.at) given.count += 1
    else this.#given.set(least.worker, { at: least.at, count: 1 })
    return least.worker
  }
}

interface ReadableConnection extends RawConnection {
  readStart(): void
  readStop(): void
}

/** `undefined` when it is gone already. */
function rawOf(socket: Socket): ReadableConnection | undefined {
  return (socket as unknown as { readonly _handle: ReadableConnection | null })._handle ?? undefined
}
