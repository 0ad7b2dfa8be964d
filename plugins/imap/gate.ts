/** Lets a few through at a time, in the order they came: bounds what many sessions hold in memory together. */
export class Gate {
  private free: number
  private readonly queue: (() => void)[] = []

  constructor(width: number) {
    this.free = width
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1
    else await new Promise<void>(resolve => this.queue.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.queue.shift()
      if (next) next()
      else this.free += 1
    }
  }
}
