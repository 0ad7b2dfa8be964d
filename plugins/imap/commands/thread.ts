/** THREAD and UID THREAD (RFC 5256 §3). */
import { type Done, ok } from '../answer.js'
import { command } from '../command.js'
import { columnsOf } from '../finding/columns.js'
import { byReferences } from '../finding/references.js'
import { find, isRefused } from '../finding/search.js'
import {
  orderedSubject,
  THREADED,
  type Threaded,
  type ThreadNode,
  threadedOf,
  writeThreads,
} from '../finding/threads.js'
import type { CapabilityName } from '../wire/features.js'
import { ReadError, type Reader } from '../wire/reader.js'
import { readCriteria, type SearchProgram } from '../wire/search-keys.js'
import { held } from './search.js'

type Algorithm = (messages: readonly Threaded[]) => Promise<ThreadNode[]>

const ALGORITHMS: ReadonlyMap<string, { readonly needs: CapabilityName; readonly find: Algorithm }> = new Map([
  ['ORDEREDSUBJECT', { needs: 'THREAD=ORDEREDSUBJECT', find: orderedSubject }],
  ['REFERENCES', { needs: 'THREAD=REFERENCES', find: byReferences }],
])

export interface ThreadArgs {
  readonly algorithm: Algorithm
  readonly program: SearchProgram
}

export const thread = command({
  name: 'THREAD',
  states: ['selected'],
  uid: true,
  expunge: 'uid',
  capabilities: [
    { name: 'THREAD=ORDEREDSUBJECT', needs: ['I18NLEVEL=1'] },
    { name: 'THREAD=REFERENCES', needs: ['I18NLEVEL=1'] },
  ],
  read(input: Reader): ThreadArgs {
    input.space()
    const { column } = input
    const known = ALGORITHMS.get(input.atom('how to find threads').toUpperCase())
    if (known === undefined || !input.can(known.needs)) throw new ReadError(column, 'ORDEREDSUBJECT or REFERENCES')
    input.space()
    return { algorithm: known.find, program: readCriteria(input) }
  },
  async run(session, { algorithm, program }, uid): Promise<Done> {
    const found = await find(session, program)
    if (isRefused(found)) return found
    // RFC 7162 §3.1: a search by MODSEQ enables CONDSTORE; THREAD tells none (§3.1.9).
    if (found.modseqs) session.followModseqs()
    const { view } = session.open
    const written = await session.deps.sorting.pass(async () => {
      const threads = await algorithm(threadedOf(await columnsOf(session, found.uids, THREADED)))
      return writeThreads(threads, one => (uid ? one.uid : view.sequenceOf(one.uid)!))
    })
    session.say(written === '' ? '* THREAD' : `* THREAD ${written}`)
    return held(program, ok('THREAD done'))
  },
})
