/** A text as letter tests look at it, with what all of them ask first. Made once for each place of a message. */
import { bothEnds } from 'posthouse/text'

/** Enough to tell: what is put in to mislead filters stands at the beginning or at the end. */
const MOST = 12 * 1024
const BEYOND_ASCII = /[^\x00-\x7f]/
const BEYOND_LATIN1 = /[^\x00-\xff]/

export interface Sample {
  readonly text: string
  readonly beyondAscii: boolean
  readonly beyondLatin1: boolean
}

export function sampleOf(whole: string): Sample {
  const text = bothEnds(whole, MOST)
  const beyondAscii = BEYOND_ASCII.test(text)
  return { text, beyondAscii, beyondLatin1: beyondAscii && BEYOND_LATIN1.test(text) }
}
