/** SpamAssassin without the network (`-L`), in one Perl process that is told file names: see spamassassin.pl. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { ROOT } from '../../lib/root.js'
import { hasPerlModule, programPath } from './installed.js'
import type { Opinion, PeerKind, Sample } from './peer.js'

export const spamassassin: PeerKind = {
  name: 'SpamAssassin',
  learnsOnly: false,
  missing: () =>
    programPath('perl') !== undefined && hasPerlModule('Mail::SpamAssassin') ? undefined : 'apt install spamassassin',
  async start(folder, taught) {
    const script = join(ROOT, 'bench/filter/peers/spamassassin.pl')
    const child = spawn('perl', [script, folder, taught ? '1' : '0'], {
      env: { ...process.env, HOME: folder },
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const talk = new Talk(child)
    await talk.next()
    return {
      name: taught ? 'SpamAssassin -L, Bayes' : 'SpamAssassin -L',
      async teach(samples) {
        for (const { label, path } of samples) await talk.ask(`teach ${label} ${path}`)
        await talk.ask('taught')
      },
      ask: samples => askAll(talk, samples),
      end: () => talk.end(),
    }
  },
}

async function askAll(talk: Talk, samples: readonly Sample[]) {
  const opinions: Opinion[] = []
  const times: number[] = []
  let total = 0
  for (const { path } of samples) {
    const began = performance.now()
    const answer = await talk.ask(`ask ${path}`)
    times.push(performance.now() - began)
    const [score, threshold, cpuMs] = answer.split(' ').map(Number)
    opinions.push({ score: score!, spam: score! >= threshold! })
    total += cpuMs!
  }
  return { opinions, times, cpuMs: total }
}

/** One line for each line. */
class Talk {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #reader: Interface

  constructor(child: ChildProcess) {
    this.#child = child
    this.#reader = createInterface({ input: child.stdout! })
    this.#lines = this.#reader[Symbol.asyncIterator]()
  }

  ask(line: string): Promise<string> {
    this.#child.stdin!.write(`${line}\n`)
    return this.next()
  }

  async next(): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done === true) throw new Error('SpamAssassin has ended before its time')
    return value
  }

  async end(): Promise<void> {
    const gone = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.stdin!.end()
    await gone
    this.#reader.close()
  }
}
