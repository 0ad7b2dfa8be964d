/**
 * `posthouse learn build-model`: makes the starting model out of folders of mail with an index (set, label, id, split, group). Only the train part of sets
 * that are named is read, and the terms of each are written into the model: sets whose terms forbid shipping need `--own-use`.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Command, CommandError, type CommandRun, type Message, readMailFile } from 'posthouse/api'
import { parseAddress } from 'posthouse/text'
import type { Anchor } from './anchors.js'
import { type Example, sharedTokens, trainModel } from './build.js'
import type { Label } from './entry.js'
import { inventedLetters, inventMails } from './invented.js'
import { readTokens } from './lesson.js'
import { modelFile } from './model.js'
import { shippedModel } from './shipped.js'
import type { Tokens } from './tokens/sink.js'
import { plainHeader } from './views.js'

interface Source {
  readonly terms: string
  /** A model that knows it may be given to anybody. */
  readonly ships: boolean
  /** What collectors put in the place of addresses. */
  readonly mask?: string
}

const SOURCES: ReadonlyMap<string, Source> = new Map([
  ['spamassassin', { terms: 'SpamAssassin public corpus 2002, PDDL/CC0 claimed', ships: true }],
  ['modern_lists', { terms: 'posts to public mailing lists 2019-21: nobody has granted anything', ships: false }],
  ['phishing_pot', { terms: 'phishing_pot, CC BY-NC 4.0: not for commercial use', ships: false, mask: 'phishing@pot' }],
])

const MASKED = 'user@example.com'

/** Ours, and in every model. */
const INVENTED = 'invented'
const INVENTED_TERMS = 'written for this, in rules/models/invented'
const INVENTED_EACH = 8
const INVENTED_WEIGHT = 1
/** So many mails have one that goes into the model as an anchor: a mail of every fourth letter. */
const ANCHOR_EACH = 4 * INVENTED_EACH

export function buildCommand(messageOf: (bytes: Buffer) => Message): Command {
  return {
    name: 'learn build-model',
    summary: 'make the starting model anew from the train part of mail sets with an index.tsv',
    usage: 'FOLDER FILE',
    arity: [2, 2],
    withoutData: true,
    options: {
      sets: { type: 'string', value: 'NAME,…', description: 'default: all whose terms let a model be shipped' },
      'own-use': { type: 'boolean', description: 'sets whose terms forbid shipping may be named' },
    },
    run: run => build(run, messageOf),
  }
}

async function build(run: CommandRun, messageOf: (bytes: Buffer) => Message): Promise<void> {
  const [folder = '', file = ''] = run.args
  const sets = setsNamed(run)
  const examples: Example[] = []
  for (const { set, label, id } of await indexOf(folder, sets)) {
    const path = join(folder, set, label, `${id}.eml`)
    examples.push(await exampleOf(await readMailFile(path), set, label, messageOf, examples.length))
    if (examples.length % 1000 === 0) run.warn(`${examples.length} mails read`)
  }
  if (!(['spam', 'ham'] as const).every(label => examples.some(one => one.label === label)))
    throw new CommandError('these sets have no spam, or no ham')
  const invented = await inventedExamples(messageOf)
  examples.push(...invented)
  const terms = new Map([
    [INVENTED, INVENTED_TERMS],
    ...[...SOURCES].map(([name, { terms }]) => [name, terms] as const),
  ])
  const made = new Date().toISOString().slice(0, 10)
  const { header, weights } = trainModel(examples, made, terms)
  const octets = modelFile(header, weights, anchorsOf(invented))
  await writeFile(file, octets)
  run.print(
    `${file}: ${header.tokens} tokens from ${examples.length} mails of ${[...sets].join(', ')}, ${octets.length} octets`,
  )
}

function setsNamed({ options }: CommandRun): ReadonlySet<string> {
  const named = typeof options.sets === 'string' ? options.sets.split(',') : undefined
  const sets = new Set(named ?? [...SOURCES].filter(([, { ships }]) => ships).map(([name]) => name))
  for (const set of sets) {
    const source = SOURCES.get(set)
    if (source === undefined) throw new CommandError(`there is no set ${set}: ${[...SOURCES.keys()].join(', ')}`, 2)
    if (!source.ships && options['own-use'] !== true)
      throw new CommandError(`${set}: ${source.terms}. A model that knows it is for your own use: say --own-use`, 2)
  }
  return sets
}

interface Row {
  readonly set: string
  readonly label: Label
  readonly id: string
}

async function indexOf(folder: string, sets: ReadonlySet<string>): Promise<readonly Row[]> {
  const index = await readFile(join(folder, 'index.tsv'), 'utf8').catch(() => undefined)
  if (index === undefined) throw new CommandError(`there is no index.tsv in ${folder}`, 2)
  return index.split('\n').flatMap(line => {
    const [set = '', label, id, split] = line.split('\t')
    if (split !== 'train' || !sets.has(set) || (label !== 'spam' && label !== 'ham') || id === undefined) return []
    return [{ set, label, id }]
  })
}

async function exampleOf(
  octets: Buffer,
  source: string,
  label: Label,
  messageOf: (bytes: Buffer) => Message,
  turn: number,
): Promise<Example> {
  const mask = SOURCES.get(source)?.mask
  const mail = mask === undefined ? octets : Buffer.from(octets.toString('latin1').replaceAll(mask, MASKED), 'latin1')
  const from = messageOf(mail).field('from') ?? ''
  const sender = parseAddress(/[^\s<>"]{1,100}@[^\s<>"]{1,200}/.exec(from)?.[0] ?? '')
  return {
    source,
    label,
    sender: sender === undefined ? from : `${sender.local}@${sender.domain}`,
    weight: 1,
    views: (await viewsOf(mail, messageOf, turn)).map(sharedTokens),
  }
}

/** `whole`: its views with what only one site can know. */
type InventedExample = Example & { readonly whole: readonly Tokens[] }

async function inventedExamples(messageOf: (bytes: Buffer) => Message): Promise<readonly InventedExample[]> {
  const folder = join(dirname(shippedModel()), 'invented')
  const examples: InventedExample[] = []
  for (const label of ['ham', 'spam'] as const) {
    for (const { letter, octets } of inventMails(await inventedLetters(folder, label), INVENTED_EACH)) {
      const sender = `${letter.kind} ${letter.language}`
      const whole = await viewsOf(octets, messageOf, examples.length)
      const views = whole.map(sharedTokens)
      examples.push({ source: INVENTED, label, sender, weight: INVENTED_WEIGHT, views, whole })
    }
  }
  return examples
}

/**
 * By turns as they came, and with little in the header. With all of their tokens: a site also learns charsets, zones and orders of fields, and an anchor without
 * any would not feel that.
 */
function anchorsOf(invented: readonly InventedExample[]): readonly Anchor[] {
  return invented
    .filter((_, at) => at % ANCHOR_EACH === 0)
    .map(({ label, whole }, at) => ({ label, tokens: whole[at % 2]! }))
}

/** As it came, with little in its header, and one of its starts, if it is long: mail is judged by its starts too, and what comes may be a sentence. */
async function viewsOf(
  octets: Buffer,
  messageOf: (bytes: Buffer) => Message,
  turn: number,
): Promise<readonly Tokens[]> {
  const { tokens, starts } = await readTokens(messageOf(octets))
  const plain = await readTokens(messageOf(plainHeader(octets)))
  const start = starts[turn % Math.max(1, starts.length)]
  return [tokens, plain.tokens, ...(start === undefined ? [] : [start])]
}
