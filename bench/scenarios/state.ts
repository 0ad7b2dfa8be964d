/**
 * state: how many budgets a worker can spend. A "message" is one spending. `many` are a thousand keys, as networks are; `one` is a budget that
 * all share, whose log is as long as it gets; `refused` are spendings that find nothing left. The reference is the barest read-modify-write
 * of one value in LMDB that is answered when it is on disk: what a limit would cost if counting had to be durable.
 */
import { join } from 'node:path'
import { Part } from '../lib/part.js'
import type { Scenario, Side, Stage } from '../lib/scenario.js'
import type { SpenderQuestions } from '../lib/spender.js'

const BUDGETS: ReadonlyMap<string, { readonly keys: number; readonly limit: number }> = new Map([
  ['many', { keys: 1000, limit: 1e12 }],
  ['one', { keys: 1, limit: 1e12 }],
  ['refused', { keys: 1000, limit: 0 }],
])
const AT_ONCE = [1, 10, 100]

export const state: Scenario = {
  name: 'state',
  onRequest: true,
  asks: 'How many budgets are spent a second: a thousand keys, all of one key, and refused? The reference waits for the disk',
  variants: [...BUDGETS.keys()],
  usual: [...BUDGETS.keys()].flatMap(variant => AT_ONCE.map(sessions => ({ variant, sessions, size: 0 }))),
  async open(variant, _cases, setting): Promise<Stage> {
    const side = (name: string, flushed: boolean): Side => {
      const part = setting.keep(new Part<SpenderQuestions>('spender'), one => one.end())
      const order = { path: join(setting.folder, `${name}.lmdb`), flushed, ...BUDGETS.get(variant)! }
      return { group: part.group, drive: ({ sessions }, seconds) => part.ask({ ...order, sessions, seconds }) }
    }
    return {
      ours: side('lagging', false),
      reference: side('flushed', true),
      probe: async () => ({ kind: 'not checked', why: 'what is counted may lag a flush' }),
    }
  },
}
