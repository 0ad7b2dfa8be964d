/**
 * Reading from a socket that rests. Node reads one part more, up to 64 KB, before it notices that nobody takes it: a thousand clients that wait for the disk would
 * have it all in memory. Here the system is asked for nothing until what was read has been dealt with; the client's octets wait with the system.
 */
import type { Socket } from 'node:net'

/** What Node has in a socket, and in one of TLS. */
interface Reading {
  reading: boolean
  readStop(): unknown
}

/** To be called while a part that was read is handed out, when the socket will be paused for it. What it gives ends the rest, and is called once. */
export function rest(socket: Socket): () => void {
  let over = false
  let stopped = false
  // Only now has Node asked for the next part: earlier it would ask anew.
  queueMicrotask(() => {
    const connection = over ? undefined : readingOf(socket)
    if (connection?.reading !== true) return
    stopped = true
    connection.reading = false
    connection.readStop()
  })
  return () => {
    over = true
    // The stream has asked already, and does not ask twice.
    if (stopped && readingOf(socket)?.reading === false) socket._read(0)
  }
}

/** `undefined` when it is gone already. */
function readingOf(socket: Socket): Reading | undefined {
  return (socket as unknown as { readonly _handle: Reading | null })._handle ?? undefined
}
