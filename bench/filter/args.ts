/** The command line of `npm run bench:filter`: what may be asked, and sentences for what cannot. Pure. */
import { PARTINGS, type Parting } from '../../plugins/spam-rules/fit-check.js'
import { countOf as countWithin, oneOf, parseOptions, Wrong } from '../lib/options.js'
import type { SetsWish, Split } from './sets.js'
import { STAGES, type StageName } from './stages.js'
import type { View } from './view.js'

export interface Arguments extends SetsWish {
  readonly views: readonly View[]
  readonly stages: readonly StageName[]
  /** Of a site, in place of the stages. */
  readonly config?: string
  readonly groups: boolean
  readonly wrong: boolean
  /** What learning adds, instead of the stages. */
  readonly learn: boolean
  /** Fit the points of the rules, tried by this parting. */
  readonly fit?: Parting
  readonly peers: boolean
  /** What a message costs, ours and theirs by turns. */
  readonly speed: boolean
  /** With it: all of the filter, taught, beside the others with Bayes. */
  readonly whole: boolean
  /** With it: messages that each has judged before. */
  readonly warm: number
  readonly turns: number
  /** Messages of each set and label that peers are tried on, and are taught. */
  readonly sample: number
  readonly taught: number
  readonly json?: string
}

export type Wish =
  | { readonly kind: 'help' }
  | { readonly kind: 'run'; readonly args: Arguments }
  | { readonly kind: 'wrong'; readonly why: string }

export const HELP = `npm run bench:filter -- [options]

  --sets DIR          folder with <set>/{ham,spam}/*.eml and, if there is one, index.tsv
                      (default: what POSTHOUSE_SHARED has)
  --set NAME          only this set; may be given more than once
  --split train       train, test or all; default test. Rules and models are made by train alone
  --every 10          every tenth message of each set, label and split; default 1
  --view neutral      full, neutral or both; default both
  --stage content     content, origin, learning; may be given more than once; default all
  --config DIR        the plugins of this configuration instead of the stages
  --groups            what each group of rules adds, and which rules hit most
  --wrong             which messages are wrong, with what was found
  --learn             what learning adds: taught, on mail from elsewhere, after 10, 100, 1,000 mails
  --fit source        points of the rules fitted to the train parts, tried by source, time or chance
  --peers             SpamAssassin, Rspamd and bogofilter on the same messages
  --sample 150        with --peers and --speed: messages of each set and label, to be judged and to be taught; default 150
  --taught 300        with --peers and --whole: to be taught, where it is another number; Bayes of the others answers from 200 ham and 200 spam on
  --speed             CPU of a message by our rules, Rspamd's and SpamAssassin's, by turns
  --whole             with --speed: all of the filter, taught, beside theirs with Bayes
  --warm 6000         with --speed: messages that each judges before it is measured; default 6000
  --turns 5           with --speed; default 5
  --json FILE         all figures
  --help
`

const OPTIONS = {
  sets: { type: 'string' },
  set: { type: 'string', multiple: true },
  split: { type: 'string', default: 'test' },
  every: { type: 'string', default: '1' },
  view: { type: 'string', default: 'both' },
  stage: { type: 'string', multiple: true },
  config: { type: 'string' },
  groups: { type: 'boolean', default: false },
  wrong: { type: 'boolean', default: false },
  learn: { type: 'boolean', default: false },
  fit: { type: 'string' },
  peers: { type: 'boolean', default: false },
  sample: { type: 'string', default: '150' },
  taught: { type: 'string' },
  speed: { type: 'boolean', default: false },
  whole: { type: 'boolean', default: false },
  warm: { type: 'string', default: '6000' },
  turns: { type: 'string', default: '5' },
  json: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

export function readArguments(argv: readonly string[]): Wish {
  try {
    const { values } = parseOptions({ args: [...argv], options: OPTIONS })
    if (values.help) return { kind: 'help' }
    const { sets: folder, config, json } = values
    return {
      kind: 'run',
      args: {
        ...(folder === undefined ? {} : { folder }),
        ...(config === undefined ? {} : { config }),
        ...(json === undefined ? {} : { json }),
        sets: values.set ?? [],
        // Whoever fits to what is tested has tested nothing.
        splits: values.fit === undefined ? splitsOf(values.split) : ['train'],
        every: countOf('--every', values.every),
        views: viewsOf(values.view),
        stages: values.stage === undefined ? STAGES : values.stage.map(oneOf('--stage', STAGES)),
        groups: values.groups,
        wrong: values.wrong,
        ...(values.fit === undefined ? {} : { fit: oneOf('--fit', PARTINGS)(values.fit) }),
        learn: values.learn,
        peers: values.peers,
        sample: countOf('--sample', values.sample),
        taught: countOf('--taught', values.taught ?? values.sample),
        speed: values.speed,
        whole: values.whole,
        warm: countOf('--warm', values.warm),
        turns: countOf('--turns', values.turns),
      },
    }
  } catch (error) {
    if (error instanceof Wrong) return { kind: 'wrong', why: error.message }
    throw error
  }
}

function splitsOf(text: string): readonly Split[] {
  const one = oneOf('--split', ['train', 'test', 'all'] as const)(text)
  return one === 'all' ? ['train', 'test'] : [one]
}

function viewsOf(text: string): readonly View[] {
  const one = oneOf('--view', ['full', 'neutral', 'both'] as const)(text)
  return one === 'both' ? ['full', 'neutral'] : [one]
}

function countOf(name: string, text: string): number {
  return countWithin(name, 1, 999_999)(text)
}
