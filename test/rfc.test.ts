/**
 * Keeps docs/rfc.md true: which RFC is done where, section by section, from the comments that name them.
 * `POSTHOUSE_WRITE=1` writes the page anew. Files stand there without lines, or every edit would make the page untrue.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { test } from 'node:test'
import { ROOT } from './harness/shared.js'

const PAGE = join(ROOT, 'docs/rfc.md')
const FOLDERS = ['core', 'plugins', 'rules', 'test']
/** Its examples are no references. */
const SELF = 'test/rfc.test.ts'
const SOURCES = /\.(?:ts|yaml|md|conv)$/
/** `RFC 5321 §4.1.1`, and what follows of the same RFC: `, §4.2`, ` and §5`. */
const REFERENCE = /RFC (\d{3,5})( §\d+(?:\.\d+)*(?:,? (?:and |or |to )?§\d+(?:\.\d+)*)*)/g
const SECTION = /§(\d+(?:\.\d+)*)/g
/** Scripts are named by their RFC, and conversations by its sections: `=== 4.1 and 4.2 what is tried`. */
const SCRIPT = /^rfc(\d{3,5})-.*\.conv$/
const TITLE = /^=== (?:RFC (\d{3,5}) )?(\d+(?:\.\d+)*(?:(?:, | and | to )\d+(?:\.\d+)*)*) /gm

interface Reference {
  readonly rfc: number
  readonly section: string
}

/** Pure. */
function referencesIn(text: string, name: string): readonly Reference[] {
  // A comment may break anywhere: its lines are read as one.
  const joined = text.replace(/\n[ \t]*(?:\*|\/\/|#)?[ \t]*/g, ' ')
  const found = [...joined.matchAll(REFERENCE)].flatMap(([, rfc, list]) =>
    [...list!.matchAll(SECTION)].map(([, section]) => ({ rfc: Number(rfc), section: section! })),
  )
  const own = SCRIPT.exec(name)?.[1]
  if (own === undefined) return found
  const titles = [...text.matchAll(TITLE)].flatMap(([, other, list]) =>
    list!.split(/, | and | to /).map(section => ({ rfc: Number(other ?? own), section })),
  )
  return [...found, ...titles]
}

type Index = ReadonlyMap<number, ReadonlyMap<string, ReadonlySet<string>>>

function indexOf(files: readonly string[]): Index {
  const index = new Map<number, Map<string, Set<string>>>()
  for (const file of files) {
    for (const { rfc, section } of referencesIn(readFileSync(join(ROOT, file), 'utf8'), basename(file))) {
      const sections = index.get(rfc) ?? new Map<string, Set<string>>()
      index.set(rfc, sections.set(section, (sections.get(section) ?? new Set()).add(file)))
    }
  }
  return index
}

function sources(): readonly string[] {
  return FOLDERS.flatMap(folder =>
    readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
      .filter(entry => entry.isFile() && SOURCES.test(entry.name))
      .map(entry => relative(ROOT, join(entry.parentPath, entry.name)))
      .filter(file => file !== SELF),
  ).sort()
}

/** `4.10` comes after `4.9`. */
function bySection(a: string, b: string): number {
  const [left, right] = [a, b].map(section => section.split('.').map(Number)) as [number[], number[]]
  for (const [i, part] of left.entries()) if (part !== right[i]) return part - (right[i] ?? -1)
  return left.length - right.length
}

function page(index: Index): string {
  const parts = [...index.entries()]
    .sort(([a], [b]) => a - b)
    .map(([rfc, sections]) => {
      const rows = [...sections.entries()]
        .sort(([a], [b]) => bySection(a, b))
        .map(([section, files]) => `| ${section} | ${[...files].map(file => `\`${file}\``).join(' ')} |`)
      return [`## [RFC ${rfc}](https://www.rfc-editor.org/rfc/rfc${rfc})`, '', '| section | |', '|---|---|', ...rows]
    })
  const head = [
    '# Where each RFC is done',
    '',
    'Sections that comments and tests name, with the files that do. Made from the sources: `test/rfc.test.ts` keeps this page true,',
    '`POSTHOUSE_WRITE=1 node --test dist/test/rfc.test.js` writes it anew.',
  ]
  return `${[head, ...parts].map(lines => lines.join('\n')).join('\n\n')}\n`
}

test('docs/rfc.md names every section that sources and tests name, and no other', () => {
  const now = page(indexOf(sources()))
  if (process.env.POSTHOUSE_WRITE === '1') writeFileSync(PAGE, now)
  assert.equal(
    readFileSync(PAGE, 'utf8'),
    now,
    'docs/rfc.md is not true any more: run this test with POSTHOUSE_WRITE=1',
  )
})

for (const [text, name, found] of [
  ['// RFC 5321 §4.1.1: x', 'a.ts', ['5321 4.1.1']],
  ['/** RFC 3461 §4.2, §4.4 and §5; RFC 6533 §3 */', 'a.ts', ['3461 4.2', '3461 4.4', '3461 5', '6533 3']],
  [' * the next (RFC\n * 1123 §5.2.16) is', 'a.ts', ['1123 5.2.16']],
  ['# RFC 1 §2\nRFC 5321 and §3', 'a.ts', []],
  [
    '=== 4.1.1 and 4.2 title\n=== no section 5\n=== RFC 1870 6.1 other',
    'rfc3030-x.conv',
    ['3030 4.1.1', '3030 4.2', '1870 6.1'],
  ],
  ['=== 4.1 title', 'other.conv', []],
] as const) {
  test(`${JSON.stringify(text)} in ${name} names ${found.join(', ') || 'nothing'}`, () => {
    assert.deepEqual(
      referencesIn(text, name).map(({ rfc, section }) => `${rfc} ${section}`),
      found,
    )
  })
}

test('sections are in the order of their numbers', () => {
  assert.deepEqual(['4.10', '4', '10', '4.9', '4.9.1'].sort(bySection), ['4', '4.9', '4.9.1', '4.10', '10'])
})
