/**
 * `origin`: where a message says it comes from and where its links lead, by names and domains alone, without any look-up. What is made to be
 * taken for something else is the matter of the plugin look-alikes. The tests stand in the folder origin of the plugin.
 */
import { closest } from 'posthouse/text'
import type { Ask } from '../origin/ask.js'
import { LINK_LIST_TESTS, LINK_TESTS } from '../origin/links.js'
import { SENDER_LIST_TESTS, SENDER_TESTS } from '../origin/sender.js'
import { LIST } from './keys.js'
import { foundOr, type Kind, type Reader } from './kind.js'

type RawOrigin = { readonly origin: OriginTest; readonly list?: string }

interface Origin {
  readonly test: OriginTest
  readonly list: ReadonlySet<string>
}

const WITH_LIST = { ...SENDER_LIST_TESTS, ...LINK_LIST_TESTS } as const
const TESTS = { ...SENDER_TESTS, ...LINK_TESTS, ...WITH_LIST } as const satisfies Record<string, Ask>
type OriginTest = keyof typeof TESTS
const ORIGIN_TESTS = Object.keys(TESTS) as readonly OriginTest[]

export const origin: Kind<Origin, RawOrigin> = {
  name: 'origin',
  cost: 2,
  key: { type: 'string', enum: ORIGIN_TESTS, description: 'test on where the message comes from and leads to' },
  companions: { list: LIST },
  read: readOrigin,
  prepare: () => ({
    bind: ({ test, list }) => {
      const asks: Ask = TESTS[test]
      return facts => foundOr(asks(facts, list))
    },
  }),
}

function readOrigin({ origin: test, list: name }: RawOrigin, reader: Reader): Origin | undefined {
  const wants = test in WITH_LIST
  if (!wants) return name === undefined ? { test, list: new Set() } : reader.wrong(['list'], `"${test}" takes no list`)
  if (name === undefined) return reader.wrong(['origin'], `"${test}" needs "list:", the name of a list`)
  const list = reader.lists.get(name)
  if (list !== undefined) return { test, list }
  const near = closest(name, reader.lists.keys())
  return reader.wrong(['list'], `there is no list "${name}"${near === undefined ? '' : `, did you mean "${near}"?`}`)
}
