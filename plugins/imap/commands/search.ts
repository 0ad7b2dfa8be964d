/**
 * SEARCH and UID SEARCH (RFC 3501 §6.4.4, RFC 9051 §6.4.4), with RETURN (RFC 4731) and `$` (RFC 5182).
 */
import { type Done, ok } from '../answer.js'
import type { Capability } from '../capability.js'
import { command } from '../command.js'
import { extendedAnswer, plainAnswer, type Results, toSave } from '../finding/results.js'
import { find, isRefused } from '../finding/search.js'
import type { Session } from '../session.js'
import type { Reader } from '../wire/reader.js'
import { type ReturnOption, takeReturn } from '../wire/return-options.js'
import { namesPlaces, readSearch, type SearchProgram } from '../wire/search-keys.js'

export interface SearchArgs {
  readonly program: SearchProgram
  readonly returns?: ReadonlySet<ReturnOption>
}

const CAPABILITIES: readonly Capability[] = [
  { name: 'ESEARCH' },
  { name: 'SEARCHRES', needs: ['ESEARCH'] },
  { name: 'WITHIN' },
  { name: 'I18NLEVEL=1' },
]

/** RFC 9051 §6.4.4: who has enabled IMAP4rev2 hears ESEARCH, whatever it asked. */
const ALL: ReadonlySet<ReturnOption> = new Set(['all'])

export const search = command({
  name: 'SEARCH',
  states: ['selected'],
  uid: true,
  expunge: 'uid',
  capabilities: CAPABILITIES,
  read(input: Reader): SearchArgs {
    input.space()
    const asked = input.can('ESEARCH') ? takeReturn(input, { save: input.can('SEARCHRES') }) : undefined
    const returns = asked ?? (input.enabled('IMAP4rev2') ? ALL : undefined)
    return { program: readSearch(input), ...(returns && { returns }) }
  },
  async run(session, { program, returns }, uid) {
    const found = await find(session, program)
    // RFC 5182 §2.1: NO forgets what was saved, BAD does not.
    if (isRefused(found)) {
      if (returns?.has('save') && found.kind === 'NO') session.open.saved = []
      return found
    }
    return held(program, answer(session, 'SEARCH', found, returns, uid))
  },
})

/** RFC 7162 §3.2.10.2: no removal is told during a search that names messages by number, also when it answers with UIDs. For SORT and THREAD too. */
export function held(program: SearchProgram, done: Done): Done {
  return program.kind === 'search' && namesPlaces(program.key) ? { ...done, removalsWait: true } : done
}

/** For SORT too. */
export function answer(
  session: Session,
  name: string,
  results: Results,
  returns: ReadonlySet<ReturnOption> | undefined,
  uid: boolean,
): Done {
  const { view } = session.open
  const numberOf = (one: number): number => (uid ? one : view.sequenceOf(one)!)
  const asked = { tag: session.tag, uid, numberOf }
  // RFC 7162 §3.1: a search by MODSEQ enables CONDSTORE.
  if (results.modseqs) session.followModseqs()
  if (returns?.has('save')) session.open.saved = toSave(results.uids, returns)
  const line = returns ? extendedAnswer(results, returns, asked) : plainAnswer(name, results, asked)
  if (line !== undefined) session.say(line)
  return ok(`${name} done`)
}
