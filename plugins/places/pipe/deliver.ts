/**
 * Mail to a program's standard input, as a file: a pipe that ends because the server was killed looks like one whose message is over, and a part of it
 * would be taken for mail. It is started without a shell, in an empty environment but for facts of the mail, within limits of time, memory and
 * file size, and in a process group of its own, so that whatever it has started ends with it.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access, type FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { Outcome } from 'posthouse/api'
import { addressKey, printable } from 'posthouse/text'
import type { Errand } from '../errand.js'
import type { PipePlace } from '../place.js'
import { fillArgument } from '../placeholders.js'
import { Trouble } from '../trouble.js'
import { type Meaning, meaningOf } from './exit-codes.js'
import { inputOf } from './input.js'

/** Of util-linux, so of every Linux. It sets the limits and becomes the program. */
const PRLIMIT = '/usr/bin/prlimit'
const PATH = '/usr/local/bin:/usr/bin:/bin'
/** Of what it prints so much is kept; the rest is read and forgotten. */
const MOST_WORDS = 2000
/** It has ended, and something it has started still holds its output. */
const LINGER_MS = 1000

export async function deliverToProgram(place: PipePlace, errand: Errand): Promise<Outcome> {
  const { recipient, call, values } = errand
  const [program = '', ...written] = place.argv
  await mustBeThere(program, '4.3.5')
  await mustBeThere(PRLIMIT, '4.3.5')
  const args = written.map(text => fillArgument(text, values))
  const input = await inputOf(errand)
  const { meaning, words } = await run(place, program, args, errand, input).finally(() => input.close())
  const { row } = recipient
  if (words !== '') call.log.info({ place: place.name, to: addressKey(recipient.original), words }, 'program has said')
  const { kind } = meaning
  if (kind === 'done')
    return { kind: 'delivered', row, remote: `pipe ${program} (${place.name})`, reply: words, final: true }
  if (kind === 'deferred') throw new Trouble(meaning.status, meaning.text, `${program}: ${meaning.text}`)
  return { kind, row, status: meaning.status, text: meaning.text }
}

async function mustBeThere(program: string, status: string): Promise<void> {
  try {
    await access(program, constants.X_OK)
  } catch (error) {
    throw new Trouble(status, 'the program cannot be started', `${program} is missing or no program`, error)
  }
}

interface Ended {
  readonly meaning: Meaning
  /** What it has printed, on one line. */
  readonly words: string
}

async function run(
  place: PipePlace,
  program: string,
  args: readonly string[],
  errand: Errand,
  input: FileHandle,
): Promise<Ended> {
  const { signal } = errand
  signal.throwIfAborted()
  const child = spawn(PRLIMIT, [...limitsOf(place), '--', program, ...args], {
    cwd: '/',
    env: environmentOf(errand),
    stdio: [input.fd, 'pipe', 'pipe'],
    detached: true,
  })
  const words = new Words(...[child.stdout, child.stderr].filter(stream => stream !== null))
  let late = false
  let leave: () => void = () => undefined
  let left: NodeJS.Timeout | undefined
  const kill = () => {
    late = true
    killGroup(child.pid)
    left = setTimeout(() => leave(), LINGER_MS)
  }
  const timer = setTimeout(kill, place.timeoutMs)
  signal.addEventListener('abort', kill, { once: true })
  try {
    const ended = new Promise<Meaning>((resolve, reject) => {
      child.once('error', error => reject(new Trouble('4.3.0', 'the program cannot be started', error.message, error)))
      child.once('exit', (code, by) => resolve(meaningOf(code, by)))
      leave = () => reject(signal.aborted ? signal.reason : tooLong(place))
    })
    const meaning = await ended
    await words.end()
    // One that has taken or refused it at the last moment has, and would get it twice.
    if (late && meaning.kind === 'deferred') throw signal.aborted ? signal.reason : tooLong(place)
    return { meaning, words: words.text }
  } finally {
    clearTimeout(timer)
    clearTimeout(left)
    signal.removeEventListener('abort', kill)
    // Nothing of it stays behind.
    killGroup(child.pid)
  }
}

function limitsOf({ memoryBytes, fileBytes, timeoutMs }: PipePlace): readonly string[] {
  const cpu = Math.ceil(timeoutMs / 1000) + 1
  return [`--as=${memoryBytes}`, `--fsize=${fileBytes}`, `--cpu=${cpu}`, '--core=0']
}

/** A program that hands these to a shell must quote them, as with any other server. */
function environmentOf({ job, recipient, values }: Errand): NodeJS.ProcessEnv {
  const facts = {
    SENDER: values.sender,
    RECIPIENT: values.address,
    ORIGINAL_RECIPIENT: values.recipient,
    LOCAL: values.local,
    DOMAIN: values.domain,
    EXTENSION: values.tag,
    USER: values.user,
    QUEUE_ID: job.id,
    SIZE: String(job.size),
    ...(recipient.quarantine === undefined ? {} : { QUARANTINE: recipient.quarantine }),
  }
  const clean = Object.entries(facts).map(([name, value]) => [name, printable(value, 500)])
  return { PATH, LANG: 'C.UTF-8', ...Object.fromEntries(clean) }
}

class Words {
  readonly #streams: readonly Readable[]
  #text = ''

  constructor(...streams: readonly Readable[]) {
    this.#streams = streams
    for (const stream of streams) {
      stream.on('data', (chunk: Buffer) => {
        if (this.#text.length < MOST_WORDS) this.#text += chunk.toString().slice(0, MOST_WORDS)
      })
    }
  }

  get text(): string {
    return printable(this.#text.trim().replace(/\s+/g, ' '))
  }

  /** Everything it has said is there, or somebody else still holds its output. */
  async end(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const all = Promise.all(
      this.#streams.map(stream => stream.closed || new Promise<void>(resolve => stream.once('close', resolve))),
    )
    await Promise.race([all, new Promise<void>(resolve => (timer = setTimeout(resolve, LINGER_MS)))])
    clearTimeout(timer)
    for (const stream of this.#streams) stream.destroy()
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // All of it has ended; or it has become another user's (setuid, as procmail is), who alone may end it.
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ESRCH' && code !== 'EPERM') throw error
  }
}

function tooLong({ timeoutMs, name }: PipePlace): Trouble {
  return new Trouble('4.3.0', 'the program takes too long', `${name}: ended after ${timeoutMs} ms`)
}
