/**
 * store-append: what the store alone takes, each message on disk before its promise resolves: into mailboxes, and into the queue. The reference writes a
 * file for each message and flushes file and folder, from the same process with as many callers.
 */
import { join } from 'node:path'
import type { AppenderOrder, AppenderQuestions } from '../lib/appender.js'
import { FlushCounter, fileSystemOf } from '../lib/flush.js'
import { Part } from '../lib/part.js'
import { mostMessages, type Scenario, type Setting, type Side, type Stage } from '../lib/scenario.js'

const KB = 1024

export const storeAppend: Scenario = {
  name: 'store-append',
  asks: 'How much does the store alone take, durably: into mailboxes, and into the queue (accept)? Sessions are callers',
  variants: ['mailbox', 'accept'],
  usual: (['mailbox', 'accept'] as const).flatMap(variant => [
    { variant, sessions: 1, size: 4 * KB },
    { variant, sessions: 20, size: 4 * KB },
    { variant, sessions: 100, size: 4 * KB },
    { variant, sessions: 20, size: 50 * KB },
  ]),
  async open(variant, _cases, setting): Promise<Stage> {
    const ours = sideOf(variant as AppenderOrder['kind'], setting)
    const place = fileSystemOf(setting.folder)
    return {
      ours,
      reference: sideOf('file', setting),
      // Nothing is said before the promise resolves, and tests of the store kill it in between.
      probe: async () =>
        place.inMemory
          ? { kind: 'not durable', why: `data on ${place.name}` }
          : { kind: 'not checked', why: 'no 250 is said here; see smtp-in' },
    }
  },
}

function sideOf(kind: AppenderOrder['kind'], setting: Setting): Side {
  const library = setting.flushLibrary
  const flushes = library === undefined ? undefined : new FlushCounter(library, join(setting.folder, `flushes-${kind}`))
  const part = setting.keep(new Part<AppenderQuestions>('appender', flushes?.env), one => one.end())
  const folder = join(setting.folder, kind)
  return {
    group: part.group,
    flushes,
    drive: ({ sessions, size }, seconds) =>
      part.ask({ folder, kind, callers: sessions, size, seconds, maxMessages: mostMessages(size, setting.args) }),
  }
}
