/** SORT and UID SORT (RFC 5256 §3), with RETURN (RFC 5267 §3). */
import { command } from '../command.js'
import { columnsOf } from '../finding/columns.js'
import { find, isRefused } from '../finding/search.js'
import { columnsFor, sorted } from '../finding/sorting.js'
import type { Reader } from '../wire/reader.js'
import { type ReturnOption, takeReturn } from '../wire/return-options.js'
import { readCriteria, type SearchProgram } from '../wire/search-keys.js'
import { readSortCriteria, type SortCriterion } from '../wire/sort-criteria.js'
import { answer, held } from './search.js'

export interface SortArgs {
  readonly returns?: ReadonlySet<ReturnOption>
  readonly criteria: readonly SortCriterion[]
  readonly program: SearchProgram
}

export const sort = command({
  name: 'SORT',
  states: ['selected'],
  uid: true,
  expunge: 'uid',
  needs: 'SORT',
  // RFC 5256 §1: who announces SORT has I18NLEVEL=1 too.
  capabilities: [
    { name: 'SORT', needs: ['I18NLEVEL=1'] },
    { name: 'ESORT', needs: ['SORT', 'ESEARCH'] },
  ],
  read(input: Reader): SortArgs {
    input.space()
    const returns = input.can('ESORT') ? takeReturn(input, { save: input.can('SEARCHRES') }) : undefined
    const criteria = readSortCriteria(input)
    input.space()
    return { ...(returns && { returns }), criteria, program: readCriteria(input) }
  },
  async run(session, { returns, criteria, program }, uid) {
    const found = await find(session, program)
    if (isRefused(found)) {
      if (returns?.has('save') && found.kind === 'NO') session.open.saved = []
      return found
    }
    const uids = await session.deps.sorting.pass(async () =>
      sorted(await columnsOf(session, found.uids, columnsFor(criteria)), criteria),
    )
    return held(program, answer(session, 'SORT', { ...found, uids }, returns, uid))
  },
})
