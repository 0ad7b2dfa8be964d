/** What is waited for of lmdb, with an end: whoever asked hears an error then, and what lmdb still owes stays known. */
import { MailError } from 'posthouse/api'

/** How long a disk may take: a commit has an end, too, and nobody hears that a change is safe that may not be. */
const COMMIT_MS = 60_000

interface Waiting {
  readonly timer: NodeJS.Timeout
  reject(error: MailError): void
}

export class Patience {
  readonly #path: string
  readonly #waiting = new Set<Waiting>()
  /** What lmdb has not answered yet, also when nobody waits for it any more. */
  readonly #unanswered = new Set<Promise<unknown>>()

  constructor(path: string) {
    this.#path = path
  }

  /** What lmdb says, or that it takes too long, or what `giveUp` is told. */
  answer<T>(committed: Promise<T>): Promise<T> {
    this.#unanswered.add(committed)
    const done = (): unknown => this.#unanswered.delete(committed)
    committed.then(done, done)
    return new Promise((resolve, reject) => {
      const late = () => end(() => reject(new MailError('store-unavailable', `${this.#path} was not flushed in time`)))
      const waiting = { reject: (error: MailError) => end(() => reject(error)), timer: setTimeout(late, COMMIT_MS) }
      const end = (settle: () => void): void => {
        clearTimeout(waiting.timer)
        this.#waiting.delete(waiting)
        settle()
      }
      this.#waiting.add(waiting)
      committed.then(
        result => end(() => resolve(result)),
        error => end(() => reject(error)),
      )
    })
  }

  /** Nothing more will come: all who wait hear it. */
  giveUp(error: MailError): void {
    for (const { reject } of [...this.#waiting]) reject(error)
  }

  /** Somebody waits for an answer. */
  get waiting(): boolean {
    return this.#waiting.size > 0
  }

  /** lmdb still owes answers, be they waited for or not. */
  get owed(): boolean {
    return this.#unanswered.size > 0
  }
}
