/**
 * Structure oddities: what the header, the encodings and the text of a message tell about the program that made it. Honest programs do most of
 * these things now and then, so none is proof; rules/structure/ says what each is worth. What is odd about dates is a kind of condition of its own (`date`).
 */
import { ENCODED_TESTS } from './encoded.js'
import { HEADER_TESTS } from './header.js'
import { PART_TESTS } from './parts.js'
import { PROGRAM_TESTS } from './program.js'
import type { Look } from './shape.js'
import { TEXT_TESTS } from './text.js'

const TESTS = {
  ...HEADER_TESTS,
  ...ENCODED_TESTS,
  ...PROGRAM_TESTS,
  ...PART_TESTS,
  ...TEXT_TESTS,
} as const satisfies Record<string, Look>

export type StructureTest = keyof typeof TESTS
export const STRUCTURE_TESTS = Object.keys(TESTS) as readonly StructureTest[]

export function lookFor(test: StructureTest): Look {
  return TESTS[test]
}
