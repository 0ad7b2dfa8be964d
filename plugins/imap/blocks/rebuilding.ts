/** The index of a mailbox made anew, for an admin who does not trust it: what there is goes first, so that a search meanwhile reads messages. */
import type { Mailbox } from 'posthouse/api'
import type { Gate } from '../gate.js'
import { Turns } from '../turns.js'
import { behind, blocksOf, buildBlock } from './building.js'
import { MOST_MESSAGES } from './list.js'

/** Resolves to how many messages are in it. */
export async function rebuildBlocks(
  mailbox: Mailbox,
  gate: Gate,
  maxBytes: number,
  signal: AbortSignal,
): Promise<number> {
  const heads = await mailbox.index.heads()
  await mailbox.index.remove(heads.map(({ block }) => block))
  const { uidNext } = await mailbox.info()
  const building = { gate, maxBytes, turns: new Turns(), over: () => signal.aborted }
  let [last, messages] = [0, 0]
  for (;;) {
    const entries = await behind(mailbox, last, uidNext)
    if (entries.length < MOST_MESSAGES) return messages
    const block = await buildBlock(mailbox, entries, building)
    if (block === undefined) return messages
    // A server that runs beside us may have been quicker.
    const before = last
    last = (await mailbox.index.add(block, last)) ? block.block : ((await blocksOf(mailbox)).at(-1)?.last ?? 0)
    if (last === before) return messages
    messages += entries.filter(({ uid }) => uid <= last).length
  }
}
