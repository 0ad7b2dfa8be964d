/** One end for all waits of a message. Unlike a deadline it throws nothing away: what was found out by then counts, the rest is not known. */

/** `signal` fires after `ms`, or with one of the outer ones; its timer ends with the work. */
export async function withinBudget<T>(
  ms: number,
  outer: readonly AbortSignal[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const end = () => controller.abort()
  const timer = setTimeout(end, ms)
  for (const signal of outer) signal.addEventListener('abort', end, { once: true })
  if (outer.some(({ aborted }) => aborted)) end()
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
    for (const signal of outer) signal.removeEventListener('abort', end)
  }
}

/** What others are waiting for too goes on without us; from the end of the budget it is `otherwise` here. */
export function orElse<T>(signal: AbortSignal, shared: Promise<T>, otherwise: T): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => resolve(otherwise)
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, { once: true })
    shared.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}
