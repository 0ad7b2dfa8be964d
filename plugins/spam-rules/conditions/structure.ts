/** `structure`: MIME, header, dates, encodings and files that are not as mail programs make them (the folder structure of the plugin). */
import { lookFor, STRUCTURE_TESTS, type StructureTest } from '../structure/tests.js'
import { foundOr, type Kind } from './kind.js'

type RawStructure = { readonly structure: StructureTest }

export const structure: Kind<StructureTest, RawStructure> = {
  name: 'structure',
  key: { type: 'string', enum: STRUCTURE_TESTS, description: 'test on how the message is made' },
  companions: {},
  read: ({ structure: test }) => test,
  prepare: () => ({
    bind: test => {
      const look = lookFor(test)
      return facts => foundOr(look(facts))
    },
  }),
}
