/**
 * What learning adds, on two sites that know nothing of each other: one of the first set's people (personal mail and spam of 2001-02), one of the others'
 * (lists and phishing of 2017-23). Each is judged out of the box; after it was taught its own train part; with a starting model of the other
 * site alone, which is mail of other years and from elsewhere; and along the way from there, after 10, 100 and 1,000 mails of its own, in the order they came
 * in; and after 1,000 in the order of the set, which may have some kinds of mail at its end only. Beside each, what becomes of honest letters of kinds that no set has.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errorsOf, type Result } from './figures.js'
import { honestItems, type Item, type Label } from './sets.js'
import { type PluginLine, Site } from './site.js'
import { pluginsOf } from './stages.js'
import { ERROR_HEAD, errorRow, JUNK } from './tables.js'
import { type Mail, type View, viewOf } from './view.js'

export interface LearningWish {
  readonly train: readonly Item[]
  readonly test: readonly Item[]
  readonly folder: string
  readonly view: View
  readonly say: (text: string) => void
}

export interface Lesson {
  /** `modern, taught 100 of its own`. */
  readonly name: string
  readonly results: readonly Result[]
  /** Of `test/honest`. */
  readonly honest: readonly Result[]
}

const CURVE = [10, 100, 1000] as const
/** In the order of the set: what comes at its end only has not been taught yet. */
const OF_SOME_KINDS = [1000] as const

/** The sets that come from the same people, as far as can be told. */
function siteOf({ set }: Pick<Item, 'set'>): string {
  return set === 'spamassassin' ? 'spamassassin' : 'modern'
}

/** Nothing when the plugin is not there. */
export async function learnAndJudge(wish: LearningWish): Promise<readonly Lesson[]> {
  if (pluginsOf('learning') === undefined) return []
  const rows: Lesson[] = [...(await outOfTheBox(wish))]
  for (const site of [...new Set(wish.test.map(siteOf))]) rows.push(...(await oneSite(wish, site)))
  return rows
}

/** What each mail comes to where nothing of its site is known to the classifier. */
export async function unseen(wish: LearningWish): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const name of [...new Set(wish.test.map(siteOf))]) {
    const knowing = await elsewhere(wish, name)
    if (knowing === undefined) continue
    const site = await Site.open({ folder: knowing.folder, plugins: knowing.plugins })
    results.push(...(await judgeAll(site, knowing.test, wish.view)))
    await site.close()
  }
  return results
}

async function outOfTheBox(wish: LearningWish): Promise<readonly Lesson[]> {
  const site = await Site.open({ folder: join(wish.folder, 'box'), plugins: pluginsOf('learning')! })
  wish.say('out of the box\n')
  const before = await examined(site, wish.test, wish.view)
  wish.say(`taught all ${wish.train.length} train mails\n`)
  await teach(site, wish.train, wish.view, join(wish.folder, 'lessons'))
  const after = await examined(site, wish.test, wish.view)
  await site.close()
  const sites = [...new Set(wish.test.map(siteOf))]
  const of = ({ results, honest }: Examined, name: string) => ({
    results: results.filter(one => siteOf(one) === name),
    honest,
  })
  return sites.flatMap(name => [
    { name: `${name}, out of the box`, ...of(before, name) },
    { name: `${name}, after all train parts`, ...of(after, name) },
  ])
}

interface Elsewhere {
  readonly folder: string
  /** With a model of the other site. */
  readonly plugins: readonly PluginLine[]
  readonly own: readonly Item[]
  readonly test: readonly Item[]
}

/** Where nothing but the other site is known. Nothing when there is only one. */
async function elsewhere({ train, test, folder, view }: LearningWish, name: string): Promise<Elsewhere | undefined> {
  const own = train.filter(item => siteOf(item) === name)
  const others = train.filter(item => siteOf(item) !== name)
  if (own.length === 0 || others.length === 0) return undefined
  const place = join(folder, name)
  const plugins = withModel(await modelOf(others, view, place))
  return { folder: place, plugins, own, test: test.filter(item => siteOf(item) === name) }
}

/** Begins with what only the other site knows. */
async function oneSite(wish: LearningWish, name: string): Promise<readonly Lesson[]> {
  const knowing = await elsewhere(wish, name)
  if (knowing === undefined) return []
  return [
    ...(await taughtBySteps(wish, knowing, {
      name,
      order: 'as it came',
      lessons: interleaved(inTime(knowing.own, wish.view)),
      counts: [0, ...CURVE],
    })),
    ...(await taughtBySteps(wish, knowing, {
      name,
      order: 'in the order of the set',
      lessons: interleaved(knowing.own),
      counts: OF_SOME_KINDS,
    })),
  ]
}

interface Curve {
  readonly name: string
  readonly order: string
  readonly lessons: readonly Item[]
  readonly counts: readonly number[]
}

async function taughtBySteps(
  { view, say }: LearningWish,
  { folder, plugins, test }: Elsewhere,
  { name, order, lessons, counts }: Curve,
): Promise<readonly Lesson[]> {
  const place = join(folder, order.replaceAll(' ', '-'))
  const site = await Site.open({ folder: place, plugins })
  const rows: Lesson[] = []
  let taught = 0
  for (const count of counts) {
    if (count > lessons.length) break
    const what = count === 0 ? 'knows the other site only' : `and ${count} of its own ${order}`
    say(`${name}: ${what}\n`)
    if (count > 0) await teach(site, lessons.slice(taught, count), view, join(place, `lessons-${count}`))
    taught = count
    rows.push({ name: `${name}, ${what}`, ...(await examined(site, test, view)) })
  }
  await site.close()
  return rows
}

function withModel(model: string): readonly PluginLine[] {
  return pluginsOf('learning')!.map(line => (line.use === 'learning' ? { ...line, with: { model } } : line))
}

/** A starting model of these mails, made by the command that makes the shipped one. */
async function modelOf(items: readonly Item[], view: View, folder: string): Promise<string> {
  const sets = join(folder, 'sets')
  for (const item of items)
    write(join(sets, item.set, item.label, `${item.id}.eml`), viewOf(readFileSync(item.path), view))
  const rows = items.map(({ set, label, id }) => `${set}\t${label}\t${id}\ttrain\t`)
  writeFileSync(join(sets, 'index.tsv'), ['corpus\tlabel\tid\tsplit\tgroup', ...rows, ''].join('\n'))
  const path = join(folder, 'starting.model')
  const maker = await Site.open({ folder: join(folder, 'maker'), plugins: withModel('none') })
  const names = [...new Set(items.map(({ set }) => set))].join(',')
  await maker.command('learn build-model', [sets, path], { sets: names, 'own-use': true })
  await maker.close()
  return path
}

async function teach(site: Site, items: readonly Item[], view: View, folder: string): Promise<void> {
  for (const { set, label, id, path } of items)
    write(join(folder, label, `${set}-${id}.eml`), viewOf(readFileSync(path), view))
  for (const label of ['spam', 'ham'] satisfies Label[])
    if (items.some(item => item.label === label)) await site.command(`learn ${label}`, [join(folder, label)])
}

function write(path: string, { octets }: Mail): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, octets)
}

/** As far as their headers tell. */
function inTime(items: readonly Item[], view: View): readonly Item[] {
  const times = new Map(items.map(item => [item, viewOf(readFileSync(item.path), view).at]))
  return items.toSorted((a, b) => times.get(a)! - times.get(b)!)
}

/** Spam and ham by turns while there are both: who begins to teach begins with both. */
function interleaved(items: readonly Item[]): readonly Item[] {
  const sides = (['spam', 'ham'] as const).map(label => items.filter(item => item.label === label))
  const longest = Math.max(...sides.map(({ length }) => length))
  return Array.from({ length: longest }, (_, i) => sides.flatMap(side => side[i] ?? [])).flat()
}

type Examined = Pick<Lesson, 'results' | 'honest'>

async function examined(site: Site, test: readonly Item[], view: View): Promise<Examined> {
  return { results: await judgeAll(site, test, view), honest: await judgeAll(site, honestItems(), view) }
}

async function judgeAll(site: Site, items: readonly Item[], view: View): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const { set, label, id, path } of items) {
    const mail = viewOf(readFileSync(path), view)
    const { sum, findings } = await site.judge(mail)
    results.push({ set, label, id, at: mail.at, year: mail.year, sum, findings })
  }
  return results
}

export const LESSON_HEAD = [...ERROR_HEAD, 'honest letters in Junk'] as const

/** A row for each. */
export function lessonRows(lessons: readonly Lesson[]): readonly (readonly string[])[] {
  return lessons.map(({ name, results, honest }) => {
    const { falsePositives, ham } = errorsOf(honest, JUNK)
    return [...errorRow(name, results), `${falsePositives} of ${ham}`]
  })
}

/** For --json. */
export function lessonFigures(lessons: readonly Lesson[]) {
  return lessons.map(({ name, results, honest }) => {
    const { falsePositives, ham } = errorsOf(honest, JUNK)
    return { name, ...errorsOf(results, JUNK), honest: { ham, falsePositives } }
  })
}
