/**
 * How much of the filter is asked: `content` is what a mail says and nothing else; `origin` is also where it says it comes from, and look-alikes;
 * `learning` is the whole filter with the model that is shipped. A stage whose plugins are not there is left out.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { PluginLine } from './site.js'

export const STAGES = ['content', 'origin', 'learning'] as const
export type StageName = (typeof STAGES)[number]

const CONTENT: readonly PluginLine[] = [{ use: 'store-lmdb' }, { use: 'spam-rules' }, { use: 'spam-action' }]
const ORIGIN: readonly PluginLine[] = [{ use: 'bounces' }, { use: 'helo' }, { use: 'origin' }, { use: 'look-alikes' }]
const LEARNING: readonly PluginLine[] = [{ use: 'learning' }]

export function pluginsOf(stage: StageName): readonly PluginLine[] | undefined {
  const [store, ...content] = CONTENT
  const before = stage === 'content' ? [] : stage === 'origin' ? ORIGIN : [...ORIGIN, ...LEARNING]
  const lines = [store!, ...before, ...content]
  return lines.every(({ use }) => isThere(use)) ? lines : undefined
}

function isThere(plugin: string): boolean {
  return existsSync(fileURLToPath(new URL(`../../plugins/${plugin}/index.js`, import.meta.url)))
}
