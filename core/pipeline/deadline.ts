/**
 * Deadlines for what mostly comes to its end at once: only what is still under way when the turn of the event loop is over is given a timer. Making a timer
 * and taking it back costs as much as most hooks do. So a deadline may be met a turn late.
 */

interface UnderWay {
  over: boolean
  arm(): void
}

let fresh: UnderWay[] = []

/** What became of it: as it ended, or as `late` says when it did not within so many milliseconds. What comes afterwards is thrown away. */
export interface Ends<T, R> {
  readonly done: (result: T) => R
  readonly failed: (error: unknown) => R
  readonly late: () => R
}

/** `work` may be anything with a `then`, however it keeps to the rules of promises. */
export function endedWithin<T, R>(work: PromiseLike<T>, ms: number, { done, failed, late }: Ends<T, R>): Promise<R> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    const one: UnderWay = {
      over: false,
      arm() {
        timer = setTimeout(() => end(late), ms)
      },
    }
    const end = (how: () => R): void => {
      if (one.over) return
      one.over = true
      if (timer !== undefined) clearTimeout(timer)
      try {
        resolve(how())
      } catch (error) {
        reject(error)
      }
    }
    watch(one)
    // A promise is taken as it is; of others `then` may throw, or tell of another promise.
    Promise.resolve(work).then(
      result => end(() => done(result)),
      (error: unknown) => end(() => failed(error)),
    )
  })
}

function watch(one: UnderWay): void {
  if (fresh.length === 0) setImmediate(armAll)
  fresh.push(one)
}

function armAll(): void {
  const all = fresh
  fresh = []
  for (const one of all) if (!one.over) one.arm()
}
