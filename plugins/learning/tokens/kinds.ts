/**
 * The kinds of tokens, and how much each kind has to say. A token is a number in a space of 2^18; what it stood for is only known while its mail
 * is at hand. Changing anything here makes what was learned before meaningless: `SHAPE` then becomes another.
 */

/** Goes with everything that is stored. */
export const SHAPE = 1

export const SPACE = 2 ** 18

export const KINDS = ['word', 'pair', 'letters', 'name', 'shape', 'head', 'local'] as const
export type Kind = (typeof KINDS)[number]

/** What a token is called in a sentence. */
export const CALLED: Readonly<Record<Kind, string>> = {
  word: '',
  pair: '',
  letters: 'letters ',
  name: 'in subject or name: ',
  shape: '',
  head: 'header: ',
  local: '',
}

/** Of no use to anybody else: addresses, hosts, lists, programs. The model we ship knows nothing of them. */
export const OWN_KINDS: ReadonlySet<Kind> = new Set(['local'])

interface Weighing {
  /** The length of the kind's part of a mail, however many tokens it has … */
  readonly weight: number
  /** … which short mails do not quite reach: three words prove little. */
  readonly few: number
}

const WEIGHING: Readonly<Record<Kind, Weighing>> = {
  word: { weight: 1, few: 40 },
  pair: { weight: 1, few: 100 },
  letters: { weight: 1, few: 400 },
  name: { weight: 0.5, few: 5 },
  shape: { weight: 0.5, few: 8 },
  head: { weight: 0.5, few: 6 },
  local: { weight: 1.5, few: 12 },
}

const WHOLE = Math.sqrt(Object.values(WEIGHING).reduce((sum, { weight }) => sum + weight ** 2, 0))

/** What each token of a kind counts in a mail that has `count` of them. A whole mail has a length of at most 1: the bounds on what learning moves stand on that. */
export function tokenValue(kind: Kind, count: number): number {
  const { weight, few } = WEIGHING[kind]
  return weight / WHOLE / Math.sqrt(count + few)
}
