/**
 * Runs the regular expressions of admins that cannot be proved to come to an end soon: in a thread of their own, with a limit. One that does not end
 * in time is not known for this message, and is left alone for a while, so that a few lines made for it cost the server nothing. The thread is
 * started when there is something to run, and holds up no exit.
 */
import { Worker } from 'node:worker_threads'
import { compilePattern } from 'posthouse/text'
import type { Outcome } from './conditions/kind.js'

export interface Job {
  readonly pattern: string
  readonly input: string
}

/** A job as the thread gets it: it needs nothing of ours to run it. */
export interface Task {
  readonly pattern: RegExp
  readonly input: string
}

export interface GuardLimits {
  /** For one pattern on one text. */
  readonly patternMs: number
  /** For all of one message. */
  readonly messageMs: number
  /** How long one that took longer is left alone; longer each time. */
  readonly restMs: number
}

const LIMITS: GuardLimits = { patternMs: 100, messageMs: 1000, restMs: 60_000 }
/** Threads that may be lost for one message. */
const MAX_LOST = 3
const MAX_WAITING = 50
const LONGEST_REST = 60
const START_MS = 10_000
const MAX_FOUND = 300
const RESOURCES = { maxOldGenerationSizeMb: 64 }

/** What the thread says: that it is there, or what a job has found. */
export type Told = { readonly ready: true } | { readonly at: number; readonly found: string | null }

interface Rest {
  readonly until: number
  readonly times: number
}

export class Guard {
  readonly #limits: GuardLimits
  readonly #now: () => number
  /** Pattern → since it has once not ended in time. */
  readonly #resting = new Map<string, Rest>()
  #thread: Worker | undefined
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(limits: GuardLimits = LIMITS, now: () => number = Date.now) {
    this.#limits = limits
    this.#now = now
  }

  /** One outcome for each job, in order. Never throws. */
  async run(jobs: readonly Job[]): Promise<readonly Outcome[]> {
    if (this.#waiting >= MAX_WAITING)
      return jobs.map(() => unknown('too many messages wait for the patterns that run apart'))
    this.#waiting++
    const mine = this.#last
      .then(() => this.#runAll(jobs))
      // No thread to be had is our trouble and not the message's.
      .catch((error: unknown) =>
        jobs.map(() => unknown(`no thread for it: ${error instanceof Error ? error.message : error}`)),
      )
    this.#last = mine
    try {
      return await mine
    } finally {
      this.#waiting--
    }
  }

  async dispose(): Promise<void> {
    await this.#end()
  }

  async #runAll(jobs: readonly Job[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = jobs.map(({ pattern }) => this.#restOf(pattern))
    let left = jobs.flatMap((_, at) => (outcomes[at] === undefined ? [at] : []))
    // Starting the thread is no fault of the patterns.
    await this.#ready()
    const until = this.#now() + this.#limits.messageMs
    for (let lost = 0; left.length > 0; lost++) {
      if (lost >= MAX_LOST || this.#now() >= until) {
        for (const at of left) outcomes[at] = unknown('the patterns that run apart took too long together')
        break
      }
      const done = await this.#runSome(
        left.map(at => jobs[at]!),
        until,
      )
      for (const [i, outcome] of done.entries()) outcomes[left[i]!] = outcome
      left = left.slice(done.length)
      const [stuck] = left
      if (stuck === undefined || this.#now() >= until) continue
      outcomes[stuck] = this.#tired(jobs[stuck]!.pattern)
      left = this.#withoutResting(jobs, left.slice(1), outcomes)
    }
    return outcomes
  }

  /** The same pattern may wait for another text. */
  #withoutResting(jobs: readonly Job[], left: readonly number[], outcomes: Outcome[]): number[] {
    return left.filter(at => {
      const resting = this.#restOf(jobs[at]!.pattern)
      if (resting !== undefined) outcomes[at] = resting
      return resting === undefined
    })
  }

  /** Those that came to an end before the first that did not. */
  async #runSome(jobs: readonly Job[], until: number): Promise<readonly Outcome[]> {
    const thread = this.#thread ?? this.#start()
    const done: Outcome[] = []
    const finished = await new Promise<boolean>(resolve => {
      let grace: NodeJS.Immediate | undefined
      // After a standstill of our own, what the thread has said meanwhile is heard first.
      const late = () => {
        grace = setImmediate(() => end(false))
      }
      let timer = setTimeout(late, START_MS)
      const hear = (told: Told) => {
        if ('found' in told) done.push(told.found === null ? undefined : { kind: 'found', text: told.found })
        clearTimeout(timer)
        clearImmediate(grace)
        if (done.length === jobs.length) end(true)
        else if (this.#now() >= until) end(false)
        else timer = setTimeout(late, this.#limits.patternMs)
      }
      const lost = () => end(false)
      const end = (all: boolean) => {
        clearTimeout(timer)
        thread.off('message', hear).off('error', lost).off('exit', lost)
        resolve(all)
      }
      thread.on('message', hear).on('error', lost).on('exit', lost)
      thread.postMessage(jobs.map(({ pattern, input }): Task => ({ pattern: compilePattern(pattern), input })))
    })
    if (!finished) await this.#end()
    return done
  }

  /** Resolves when there is a thread that has answered, or at least has had its time to start. */
  async #ready(): Promise<void> {
    if (this.#thread !== undefined) return
    const thread = this.#start()
    await new Promise<void>(resolve => {
      const end = () => {
        clearTimeout(timer)
        thread.off('message', end).off('error', end).off('exit', end)
        resolve()
      }
      const timer = setTimeout(end, START_MS)
      thread.on('message', end).on('error', end).on('exit', end)
      // That it is `online` does not say that it has read its code yet, which under load was seen to take longer than a message may.
      thread.postMessage([])
    })
  }

  #restOf(pattern: string): Outcome {
    const rest = this.#resting.get(pattern)
    return rest !== undefined && rest.until > this.#now()
      ? unknown('the pattern has lately not come to an end in time')
      : undefined
  }

  #tired(pattern: string): Outcome {
    const times = (this.#resting.get(pattern)?.times ?? 0) + 1
    this.#resting.set(pattern, {
      times,
      until: this.#now() + this.#limits.restMs * Math.min(2 ** (times - 1), LONGEST_REST),
    })
    return unknown(`the pattern did not come to an end in ${this.#limits.patternMs} ms`)
  }

  #start(): Worker {
    const thread = new Worker(new URL('./guard-thread.js', import.meta.url), { resourceLimits: RESOURCES })
    thread.unref()
    // Of one that has nothing to do nobody else would hear; the next job starts another.
    thread.on('error', () => {
      if (this.#thread === thread) this.#thread = undefined
    })
    this.#thread = thread
    return thread
  }

  async #end(): Promise<void> {
    const thread = this.#thread
    this.#thread = undefined
    await thread?.terminate()
  }
}

function unknown(why: string): Outcome {
  return { kind: 'unknown', why }
}

/** As much of a match as anybody is shown. */
export function cut(found: string): string {
  return found.slice(0, MAX_FOUND)
}
