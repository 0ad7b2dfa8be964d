/** The ports of a server made by `init`: which there are, a base whose ports are free, and whether somebody answers; and one free port for whoever wants no more. */
import { createSocket } from 'node:dgram'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

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

/** Distances at which two servers would want the same port. */
const CLASHES: ReadonlySet<number> = new Set(
  Object.values(OFFSETS).flatMap(one => Object.values(OFFSETS).map(other => Math.abs(one - other))),
)
/** Test files run at the same time, in processes of their own: what each has taken stands here, under the id of the process. */
const TAKEN = join(tmpdir(), 'posthouse-test-ports')

/** A base that no other test has taken or is looking at; ours until this process ends. */
export async function freeBase(): Promise<number> {
  mkdirSync(TAKEN, { recursive: true })
  for (let i = 0; i < 200; i++) {
    // Below the ports that the kernel gives to clients: one of those could take a port between the look and the start.
    const base = 20_000 + Math.floor(Math.random() * 11_500)
    if (!take(base)) continue
    const free = await Promise.all(Object.values(OFFSETS).map(offset => isFree(base + offset)))
    if (free.every(Boolean)) return base
    giveBack(base)
  }
  throw new Error('no free ports')
}

const ours = new Set<number>()
process.once('exit', () => ours.forEach(giveBack))

/** First shown, then looked at: of two at once at least one sees the other and gives way. */
function take(base: number): boolean {
  if (clashes(base) || !note(base)) return false
  if (!clashes(base)) return true
  giveBack(base)
  return false
}

/** False: somebody has it. */
function note(number: number): boolean {
  try {
    writeFileSync(join(TAKEN, String(number)), String(process.pid), { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    // A process that was killed has left it behind, and with this look it is free for the next one.
    isHeld(number)
    return false
  }
  ours.add(number)
  return true
}

function clashes(base: number): boolean {
  return readdirSync(TAKEN)
    .map(Number)
    .some(other => other !== base && CLASHES.has(Math.abs(other - base)) && isHeld(other))
}

/** A process that was killed gives nothing back. */
function isHeld(base: number): boolean {
  try {
    const owner = Number(readFileSync(join(TAKEN, String(base)), 'utf8'))
    // Just made, and not yet written.
    if (owner === 0) return true
    process.kill(owner, 0)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') giveBack(base)
    return false
  }
}

function giveBack(base: number): void {
  rmSync(join(TAKEN, String(base)), { force: true })
}

function isFree(port: number): Promise<boolean> {
  return new Promise(done => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)))
  })
}

/** Free by TCP and by UDP, and neither one that the kernel gives to clients nor one of a base; ours until this process ends. */
export async function freePort(): Promise<number> {
  mkdirSync(TAKEN, { recursive: true })
  for (let i = 0; i < 200; i++) {
    const port = 10_000 + Math.floor(Math.random() * 10_000)
    if (!note(port)) continue
    if ((await isFree(port)) && (await isFreeByUdp(port))) return port
    giveBack(port)
  }
  throw new Error('no free port')
}

function isFreeByUdp(port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = createSocket('udp4')
    socket.once('error', () => done(false))
    socket.bind(port, '127.0.0.1', () => socket.close(() => done(true)))
  })
}

/** A door whose process was killed, or whose queue is full, may say nothing at all: the kernel alone waits two minutes for it. */
const ANSWER_MS = 5_000

/** Whether a connection to the port on loopback is taken. */
export function answers(port: number, withinMs = ANSWER_MS): Promise<boolean> {
  return new Promise(done => {
    const socket = connect(port, '127.0.0.1')
    socket.setTimeout(withinMs, () => {
      socket.destroy()
      done(false)
    })
    socket.once('connect', () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })
}
