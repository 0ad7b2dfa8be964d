/**
 * A worker that is started before anybody knows whether it is wanted: it loads the program on a processor of its own while the supervisor loads what it
 * needs itself and looks at the configuration and the certificates. It waits for its orders as any other; when none come it is ended.
 */
import cluster, { type Worker } from 'node:cluster'
import type { FromWorker } from './messages.js'
import { OWN_MODULES_FLAGS } from './own-modules.js'
import { thisMachine, warmthFlags } from './warmth.js'

export interface Taken {
  readonly worker: Worker
  /** It has said so, and will not say it again. */
  readonly here: boolean
}

export class Spare {
  #worker: Worker | undefined
  #here = false

  /** `script` calls `runWorker`; all workers of this process run it. */
  constructor(script: string, configDir: string) {
    // the kernel hands connections out: no hop through this process
    cluster.schedulingPolicy = cluster.SCHED_NONE
    // What the admin has given comes last, and counts.
    const execArgv = [...warmthFlags(thisMachine()), ...process.execArgv, ...OWN_MODULES_FLAGS]
    cluster.setupPrimary({ exec: script, args: ['worker', configDir], execArgv })
    const worker = cluster.fork()
    worker.once('message', (message: FromWorker) => {
      this.#here = message.kind === 'here'
    })
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined
    })
    // What is wrong with it is told by `exit`; without a listener it would be thrown.
    worker.on('error', () => undefined)
    this.#worker = worker
  }

  /** Once; nothing when it has ended. */
  take(): Taken | undefined {
    const worker = this.#worker
    this.#worker = undefined
    return worker === undefined ? undefined : { worker, here: this.#here }
  }

  /** Unless somebody has taken it. */
  end(): void {
    this.take()?.worker.process.kill('SIGKILL')
  }
}
