/**
 * Responses and what a script expects of them, as trees, and the comparison of the two by the rules of imaptest's language: variables, lists in any
 * order, directives.
 */
/** A block of text in a script, as one word: marks that no script and no message has. */
export const BLOCK = /^(~?)\ue000([^\ue001]*)\ue001/
export const LINE_END = '\ue002'
/** What follows is to be compared octet for octet. */
const RAW = '\ue003'

export type Tree = string | Tree[]

/** Words, strings and lists; what stands in brackets belongs to its word. */
export function parse(text: string): Tree[] {
  let at = 0
  const items = (): Tree[] => {
    const list: Tree[] = []
    while (at < text.length && text[at] !== ')') {
      if (text[at] === ' ') at += 1
      else if (text[at] === '(') {
        at += 1
        list.push(items())
        at += 1
      } else list.push(word())
    }
    return list
  }
  const word = (): string => {
    const quoted = /"((?:[^"\\]|\\.)*)"/y
    quoted.lastIndex = at
    const found = quoted.exec(text)
    if (found) {
      at += found[0].length
      return found[1]!.replace(/\\(.)/g, '$1')
    }
    const block = BLOCK.exec(text.slice(at))
    if (block) {
      at += block[0].length
      const content = block[2]!.replaceAll(LINE_END, '\n')
      return block[1] === '' ? content.replaceAll('\r', '') : RAW + content
    }
    const literal = /~?\{([0-9]+)\}\r\n/y
    literal.lastIndex = at
    const mark = literal.exec(text)
    if (mark) {
      at += mark[0].length + Number(mark[1])
      return text.slice(at - Number(mark[1]), at)
    }
    const bare = /(?:\[[^\]]*\]?|\$\{[^}]*\}|[^ ()[])+/y
    bare.lastIndex = at
    const taken = bare.exec(text)?.[0] ?? text[at]!
    at += taken.length
    return taken
  }
  return items()
}

export type Variables = Map<string, string>

const VARIABLE = /\$\$|\$\{([a-z0-9_]+)\}|\$([a-z0-9_]*)/gi

export function expand(text: string, variables: Variables): string {
  return text.replace(VARIABLE, (all, braced?: string, bare?: string) => {
    if (all === '$$') return '$'
    const name = braced ?? bare ?? ''
    const value = variables.get(name)
    if (value === undefined) throw new Error(`the script uses $${name} before it has a value`)
    return value
  })
}

/** Binds what is unknown; the variables are changed only on success of the caller, who passes a copy. */
function matchWord(expected: string, actual: Tree, variables: Variables): boolean {
  if (expected === '$') return true
  if (typeof actual !== 'string') return false
  // Imaptest compares up to a NUL.
  if (expected.startsWith(RAW)) return expected.slice(1).split('\0')[0] === actual.split('\0')[0]
  const names: string[] = []
  let pattern = ''
  let last = 0
  for (const found of expected.matchAll(VARIABLE)) {
    pattern += literally(expected.slice(last, found.index))
    last = found.index + found[0].length
    const name = found[1] ?? found[2] ?? ''
    const value = variables.get(name)
    if (found[0] === '$$') pattern += '\\$'
    else if (value !== undefined) pattern += literally(value)
    else {
      pattern += '([\\s\\S]*?)'
      names.push(name)
    }
  }
  const result = new RegExp(`^${pattern}${literally(expected.slice(last))}$`, 'i').exec(actual.replaceAll('\r', ''))
  if (!result) return false
  for (const [index, name] of names.entries()) if (name !== '') variables.set(name, result[index + 1]!)
  return true
}

const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

interface Manner {
  /** Length of chains that may come in any order; 0: in order. */
  readonly chain: number
  readonly extra: boolean
  /** First words of chains that may stand there although nothing else may, and of those that may not although others may. */
  readonly ignored: readonly string[]
  readonly banned: readonly string[]
}

const ORDERED: Manner = { chain: 0, extra: false, ignored: [], banned: [] }

const UNORDERED = /^\$!unordered(?:=([0-9]+))?$/

/** The language's defaults: how the list under `path` is compared. */
function mannerOf(path: readonly string[]): Manner {
  const last = path.at(-1)
  if (last === 'fetch') return { ...ORDERED, chain: 2, extra: true }
  if (last === 'flags') return { ...ORDERED, chain: 1, ignored: ['\\recent'] }
  if (last === 'list' || last === 'lsub') return { ...ORDERED, chain: 1, extra: true }
  if (path[0] === 'status') return { ...ORDERED, chain: 2, extra: true }
  return ORDERED
}

function matchTree(expected: Tree, actual: Tree, variables: Variables, path: readonly string[]): boolean {
  if (typeof expected === 'string') return matchWord(expected, actual, variables)
  if (typeof actual === 'string') return false
  const told = expected.filter((one): one is string => typeof one === 'string' && one.startsWith('$!'))
  const wanted = expected.filter(one => !told.includes(one as string))
  const manner = told.length === 0 ? mannerOf(path) : toldManner(told, mannerOf(path))
  return manner.chain === 0
    ? matchOrdered(wanted, actual, variables, path, false)
    : matchChains(wanted, actual, variables, manner)
}

function toldManner(told: readonly string[], base: Manner): Manner {
  const unordered = told.map(one => UNORDERED.exec(one)).find(found => found !== null)
  const named = (directive: string) =>
    told.filter(one => one.startsWith(directive)).map(one => one.slice(directive.length).toLowerCase())
  return {
    chain: told.includes('$!ordered') ? 0 : unordered ? Number(unordered[1] ?? 1) : base.chain,
    extra: !told.includes('$!noextra'),
    ignored: named('$!ignore='),
    banned: named('$!ban='),
  }
}

export function matchOrdered(
  expected: readonly Tree[],
  actual: readonly Tree[],
  variables: Variables,
  path: readonly string[],
  prefix: boolean,
): boolean {
  if (prefix ? expected.length > actual.length : expected.length !== actual.length) return false
  return expected.every((one, index) => {
    const before = expected[index - 1]
    return matchTree(
      one,
      actual[index]!,
      variables,
      typeof before === 'string' ? [...path, before.toLowerCase()] : path,
    )
  })
}

function matchChains(
  expected: readonly Tree[],
  actual: readonly Tree[],
  variables: Variables,
  { chain, extra, ignored, banned }: Manner,
): boolean {
  const left = chunks(actual, chain)
  for (const wanted of chunks(expected, chain)) {
    const found = left.findIndex(one => {
      const trial = new Map(variables)
      if (!matchOrdered(wanted, one, trial, [], false)) return false
      for (const [name, value] of trial) variables.set(name, value)
      return true
    })
    if (found < 0) return false
    left.splice(found, 1)
  }
  const first = left.map(one => String(one[0]).toLowerCase())
  return !first.some(one => banned.includes(one)) && (extra || first.every(one => ignored.includes(one)))
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, index * size + size),
  )
}

/** An untagged response with the number its message had when the command began. */
export interface Untagged {
  readonly tree: Tree[]
  readonly original?: number
  readonly text: string
}

export function matchUntagged(line: string, untagged: Untagged, variables: Variables): boolean {
  const expected = parse(line)
  const numbered = /^\$([0-9]+)$/.exec(String(expected[0]))
  const tree = [...untagged.tree]
  if (numbered) {
    if (untagged.original !== Number(numbered[1])) return false
    expected.shift()
    tree.shift()
  }
  const path = expected.filter(one => typeof one === 'string').map(one => one.toLowerCase())
  const named = /^(fetch|list|lsub|status)$/.exec(path[0] ?? '') ?? /^(fetch)$/.exec(path[1] ?? '')
  return matchOrdered(expected, tree, variables, named ? [named[1]!] : [], true)
}
