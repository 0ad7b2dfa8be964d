/**
 * Regular expressions that plugins bring along run on what strangers write, as those of admins do, and are held to the same reckoning of costs: one with a repeat within a
 * repeat may take for ever on a line made for it, and so may two open repeats side by side of almost any character, as the square of its length. Those that
 * look so and are not say why. What bounds the rest is the length of what they are put to, which no pattern tells.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { refusePattern } from 'posthouse/text'
import { patternLiterals } from '../harness/pattern-literals.js'
import { ROOT } from '../harness/shared.js'

const APART = 'each round begins with a character that the one before it cannot take'
const ONE_OF = 'each round is one character or one escape, and no character begins both'
const SAME_AGAIN = 'goes back to one character, and takes as many as there are of it'

/** In the order of the files. */
const LOOKED_AT: Readonly<Record<string, string>> = {
  'access/lists.ts:(\\.[^.\\s@*]+)*': APART,
  'accounts-ldap/entry.ts:(?:[a-z0-9.-]|_[0-9a-f]{2})+': ONE_OF,
  'imap/finding/facts.ts:(?:[^"\\\\]|\\\\.)*': `${ONE_OF}; an id is no longer than a thousand characters`,
  'imap/finding/preview.ts:(?:[\\s\\p{Cc}\\p{Cf}\\p{Cs}\\u2800]|\\u034f)+': ONE_OF,
  'imap/wire/reader.ts:(?:[^\\x00\\r\\n"\\\\]|\\\\["\\\\])*': ONE_OF,
  'learning/tokens/tokens.ts:(?:(?:re|fwd?|aw|sv|wg|antw|tr|rv|enc)\\s*:\\s*|\\[[^\\]]{1,40}\\]\\s*)+': `${APART}; of four hundred characters`,
  'local-list/pattern.ts:(\\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*': APART,
  'reputation/origin-field.ts:(?:[^\\r\\n]|\\r?\\n[ \\t])*': ONE_OF,
  'spam-rules/letters/amount.ts:(?:\\ufe0f|\\u200d|[\\u{1f3fb}-\\u{1f3ff}]|\\p{Extended_Pictographic})*': ONE_OF,
  'spam-rules/letters/amount.ts:([^\\s\\p{L}\\p{N}\\p{M}_=*#-])\\1+': SAME_AGAIN,
  'spam-rules/letters/build.ts:<(code|pre)\\b.{0,5000}?<\\/\\1>': 'goes back to one of two words, and has a bound',
  'spam-rules/letters/dressing.ts:(?:\\1\\p{L}){3,30}': 'goes back to one character, thirty times at most',
  'spam-rules/letters/odd-words.ts:(.)\\1\\1': SAME_AGAIN,
  'spam-rules/structure/text.ts:(?:\\s|&nbsp;)*': `${ONE_OF}; of sixty characters`,
  'spam-rules/words/fold.ts:|[\\ud840-\\ud888][\\udc00-\\udfff])+': ONE_OF,
  'spam-rules/words/fold.ts:(?: [a-z0-9$%]+)*': APART,
  'spam-rules/words/undress.ts:(?:\\u00ad\\p{L}{2,})+': APART,
  'tls-rpt/read.ts:(\\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*': `${APART}; of 253 characters`,
  'look-alikes/commands.ts:([^\\s/?#]+)\\S*': 'of what an admin types',
}

/** Almost any character, as often as one likes. */
const BROAD = String.raw`(?:\.|\[\^(?:[^\]\\]|\\.)*\]|\\[SWD])(?:[*+]|\{\d+,\})[?)]*`
const SIDE_BY_SIDE = new RegExp(String.raw`${BROAD}\(?(?:\?:)?${BROAD}`)

function troubleWith(source: string): string | undefined {
  // Of the reckoning only what no length of the text would mend.
  const refused = refusePattern(source, 'field')
  if (refused?.startsWith('a repeat within') || refused?.startsWith('references')) return refused
  const [two] = SIDE_BY_SIDE.exec(source) ?? []
  return two === undefined ? undefined : `two open repeats side by side ("${two}") take the square of a text’s length`
}

interface Place {
  readonly file: string
  readonly line: number
  readonly source: string
  readonly flags: string
}

const FOLDER = join(ROOT, 'plugins')
const PATTERNS: readonly Place[] = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts'))
  .sort()
  .flatMap(file => patternLiterals(readFileSync(join(FOLDER, file), 'utf8')).map(found => ({ file, ...found })))

const exceptionOf = ({ file, source }: Place) =>
  Object.keys(LOOKED_AT).find(
    key => file === key.slice(0, key.indexOf(':')) && source.includes(key.slice(key.indexOf(':') + 1)),
  )

describe('patterns of plugins', () => {
  test('are found and are patterns', () => {
    assert.ok(PATTERNS.length > 700, `${PATTERNS.length}`)
    for (const { file, line, source, flags } of PATTERNS)
      assert.doesNotThrow(() => new RegExp(source, flags), `${file}:${line}`)
  })

  test('come to an end soon, or have been looked at by somebody', () => {
    const troubles = PATTERNS.flatMap(place => {
      const trouble = exceptionOf(place) === undefined ? troubleWith(place.source) : undefined
      return trouble === undefined ? [] : [`${place.file}:${place.line} /${place.source}/: ${trouble}`]
    })
    assert.deepEqual(troubles, [])
  })

  test('no exception is left of one that is gone or needs none', () => {
    const needed = new Set(PATTERNS.filter(({ source }) => troubleWith(source) !== undefined).map(exceptionOf))
    assert.deepEqual(
      Object.keys(LOOKED_AT).filter(key => !needed.has(key)),
      [],
    )
  })

  for (const [source, isTrouble] of [
    ['(a+)+$', true],
    ['^[^\\p{L}]{3,}.*$', true],
    ['\\S+(?:[^;]*)x', true],
    ['^[^\\p{L}]{3}.*$', false],
    ['a+b*', false],
  ] as const) {
    test(`${source} is ${isTrouble ? 'refused' : 'taken'}`, () =>
      assert.equal(troubleWith(source) !== undefined, isTrouble))
  }
})

test('patterns are told from divisions, strings, comments and templates', () => {
  const sources = (text: string) => patternLiterals(text).map(({ source }) => source)
  assert.deepEqual(sources("const a = b / c / d; // /x/\nconst e = '/y/' /* /z/ */"), [])
  assert.deepEqual(sources('const a = f(x)[0] / 2 / g'), [])
  const within = `\${y.replace(/f/, "")}`
  const nested = `return /a[/]b\\/c/g.test(x) && !/d/.test(\`/e/${within}/h/\`)`
  assert.deepEqual(sources(nested), ['a[/]b\\/c', 'd', 'f'])
})
