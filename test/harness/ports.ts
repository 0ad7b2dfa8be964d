/** The ports of a server made by `init`: which there are, a base whose ports are free, and whether somebody answers. */
import { connect, createServer } from 'node:net'

/** What is added to the base port. */
export const OFFSETS = {
  mx: 25,
  submission: 587,
  submissions: 465,
  lmtp: 24,
  pop3: 110,
  pop3s: 995,
  imap: 143,
  imaps: 993,
} as const

export async function freeBase(): Promise<number> {
  for (let i = 0; i < 50; i++) {
    // Below the ports that the kernel gives to clients: one of those could take a port between the look and the start.
    const base = 20_000 + Math.floor(Math.random() * 11_500)
    const free = await Promise.all(Object.values(OFFSETS).map(offset => isFree(base + offset)))
    if (free.every(Boolean)) return base
  }
  throw new Error('no free ports')
}

function isFree(port: number): Promise<boolean> {
  return new Promise(done => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)))
  })
}

/** Whether a connection to the port on loopback is taken. */
export function answers(port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })
}
