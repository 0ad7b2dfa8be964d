/**
 * Runs the scripts of Dovecot's imaptest: what a server must answer, written by others. Enough of the script language for the
 * groups that test the base protocol: connections, states, variables, unordered lists, blocks of text, expunges while a command runs.
 */
import assert from 'node:assert/strict'
import type { Client } from './rig.js'

export interface Script {
  readonly capabilities: readonly string[]
  readonly connections: number
  readonly state: 'nonauth' | 'auth' | 'created' | 'appended' | 'selected'
  /** How many messages to append; left out: all. */
  readonly messages?: number
  readonly lines: readonly string[]
}

export function readScript(text: string): Script {
  const [head = '', ...rest] = text
    .replace(/^#.*\n/gm, '')
    .replace(/^\n+/, '')
    .split(/\n\n/)
  const isHead = /^[a-z_]+:/m.test(head)
  const header = new Map(isHead ? [...head.matchAll(/^([a-z_]+):\s*(.*)$/gm)].map(found => [found[1]!, found[2]!]) : [])
  const messages = header.get('messages')
  return {
    capabilities: (header.get('capabilities') ?? '').split(' ').filter(name => name !== ''),
    connections: Number(header.get('connections') ?? 1),
    state: (header.get('state') ?? 'selected') as Script['state'],
    ...(messages !== undefined && messages !== 'all' && { messages: Number(messages) }),
    lines: joinBlocks(isHead ? rest.join('\n\n') : text),
  }
}

/** A block `{{{ … }}}` becomes one quoted token, with `\n` for its line ends. */
function joinBlocks(text: string): string[] {
  const joined = text.replace(
    /~?\{\{\{\n([\s\S]*?)\n?\}\}\}/g,
    (_, block: string) => `"${block.replaceAll('\r', '').replace(/["\\]/g, '\\$&').replaceAll('\n', '\u0001')}"`,
  )
  return joined.split('\n').filter(line => line.trim() !== '' && !line.startsWith('#'))
}

export function readMbox(text: string): string[] {
  return text
    .split(/^From .*\n/m)
    .slice(1)
    .map(message => message.replace(/\r?\n/g, '\r\n'))
}

// ── responses as trees ──────────────────────────────────────────────────────────────────────────────────────────────────

type Tree = string | Tree[]

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
      return found[1]!.replace(/\\(.)/g, '$1').replaceAll('\u0001', '\n')
    }
    const literal = /\{([0-9]+)\}\r\n/y
    literal.lastIndex = at
    const mark = literal.exec(text)
    if (mark) {
      at += mark[0].length + Number(mark[1])
      return text.slice(at - Number(mark[1]), at).replaceAll('\r', '')
    }
    const bare = /(?:\[[^\]]*\]?|\$\{[^}]*\}|[^ ()[])+/y
    bare.lastIndex = at
    const taken = bare.exec(text)?.[0] ?? text[at]!
    at += taken.length
    return taken
  }
  return items()
}

// ── matching ────────────────────────────────────────────────────────────────────────────────────────────────────────────

type Variables = Map<string, string>

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
  const result = new RegExp(`^${pattern}${literally(expected.slice(last))}$`, 'i').exec(actual)
  if (!result) return false
  for (const [index, name] of names.entries()) if (name !== '') variables.set(name, result[index + 1]!)
  return true
}

const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

interface Manner {
  /** Length of chains that may come in any order; 0: in order. */
  readonly chain: number
  readonly extra: boolean
}

const ORDERED: Manner = { chain: 0, extra: false }

/** The language's defaults: how the list under `path` is compared. */
function mannerOf(path: readonly string[]): Manner {
  const last = path.at(-1)
  if (last === 'fetch') return { chain: 2, extra: true }
  if (last === 'flags') return { chain: 1, extra: false }
  if (last === 'list' || last === 'lsub') return { chain: 1, extra: true }
  if (path[0] === 'status') return { chain: 2, extra: true }
  return ORDERED
}

function matchTree(expected: Tree, actual: Tree, variables: Variables, path: readonly string[]): boolean {
  if (typeof expected === 'string') return matchWord(expected, actual, variables)
  if (typeof actual === 'string') return false
  const told = expected.filter((one): one is string => typeof one === 'string' && one.startsWith('$!'))
  const wanted = expected.filter(one => !told.includes(one as string))
  const base = mannerOf(path)
  const chain = told.find(one => one.startsWith('$!unordered'))
  const manner =
    told.length === 0
      ? base
      : { chain: chain ? Number(chain.split('=')[1] ?? 1) : base.chain, extra: !told.includes('$!noextra') }
  return manner.chain === 0
    ? matchOrdered(wanted, actual, variables, path, false)
    : matchChains(wanted, actual, variables, manner)
}

function matchOrdered(
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
  { chain, extra }: Manner,
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
  return extra || left.every(one => String(one[0]).toLowerCase() === '\\recent')
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, index * size + size),
  )
}

/** An untagged response with the number its message had when the command began. */
interface Untagged {
  readonly tree: Tree[]
  readonly original?: number
  readonly text: string
}

function matchUntagged(line: string, untagged: Untagged, variables: Variables): boolean {
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

// ── running ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

export class Run {
  private readonly variables: Variables
  private readonly script: Script
  private readonly clients: readonly Client[]
  private readonly messages: readonly string[]
  private nextMessage = 0
  private readonly untagged: Untagged[] = []
  /** Original numbers of the messages there are, per connection, while a command runs. */
  private seqs: number[] = []

  constructor(script: Script, clients: readonly Client[], messages: readonly string[]) {
    this.script = script
    this.clients = clients
    this.messages = messages
    this.variables = new Map([['mailbox', 'imaptest'], ['user', 'ann'], ['username', 'ann'], ['password', 'secret']]) // biome-ignore format: short
  }

  async prepare(): Promise<void> {
    const [first] = this.clients
    const { state, messages } = this.script
    if (state === 'nonauth' || state === 'auth') return
    await first!.ok('CREATE imaptest')
    if (state === 'created') return
    for (let i = 0; i < (messages ?? this.messages.length); i++) await first!.append('imaptest', this.message())
    if (state === 'selected') for (const client of this.clients) await client.ok('SELECT imaptest')
  }

  private message(): string {
    return this.messages[this.nextMessage++ % this.messages.length]!
  }

  async run(): Promise<void> {
    const steps = group(this.script.lines, this.script.connections > 1)
    for (const step of steps) await this.step(step)
  }

  private async step({ connection, commands, expected, answers, line }: Step): Promise<void> {
    const client = this.clients[connection - 1]!
    this.untagged.length = 0
    this.seqs = Array.from({ length: 1000 }, (_, index) => index + 1)
    commands.forEach((command, index) => {
      client.send(`s${index} ${this.complete(command)}\r\n`)
    })
    for (const [index, answer] of answers.entries()) {
      const said = await client.answerTo(`s${index}`)
      for (const text of said.slice(0, -1)) this.note(text)
      const tagged = said.at(-1)!
      if (answer !== '') {
        const expectedAnswer = parse(answer)
        assert.ok(
          matchOrdered(expectedAnswer, parse(tagged), this.variables, [], true),
          `${line}\n expected ${answer}\n got ${tagged}`,
        )
      }
    }
    this.check(expected, line)
  }

  private note(text: string): void {
    const tree = parse(text).slice(1)
    const number = Number(tree[0])
    const kind = String(tree[1]).toLowerCase()
    const original = this.seqs[number - 1]
    if (kind === 'expunge') this.seqs.splice(number - 1, 1)
    const numbered = (kind === 'expunge' || kind === 'fetch') && original !== undefined
    this.untagged.push({ tree, text, ...(numbered && { original }) })
  }

  /** APPEND without a literal takes the next message. */
  private complete(command: string): string {
    const text = expand(command, this.variables)
    if (!/^append\b/i.test(text) || /\{[0-9]+\+?\}/.test(text)) return text
    const message = this.message()
    return `${/^append$/i.test(text) ? 'append imaptest' : text} {${message.length}+}\r\n${message}`
  }

  private check(expected: readonly string[], line: string): void {
    for (const one of expected) {
      const wanted = one.slice(1).trim()
      const found = this.untagged.some(untagged => {
        const trial = new Map(this.variables)
        if (!matchUntagged(wanted, untagged, trial)) return false
        for (const [name, value] of trial) this.variables.set(name, value)
        return true
      })
      const said = this.untagged.map(untagged => untagged.text).join('\n ')
      assert.equal(found, one.startsWith('*'), `${line}\n ${one}\n got\n ${said}`)
    }
  }
}

interface Step {
  readonly connection: number
  readonly commands: string[]
  readonly expected: string[]
  /** Prefixes of the tagged answers; `''`: any. */
  readonly answers: string[]
  readonly line: string
}

const STATUS = /^(ok|no|bad|"")(?: |$)/i

/** Puts commands with what is expected of them. */
function group(lines: readonly string[], numbered: boolean): Step[] {
  const steps: Step[] = []
  let open: (Step & { tags: string[] }) | undefined
  for (const line of lines) {
    if (/^[*!] /.test(line)) {
      steps.at(-1)!.expected.push(line)
      continue
    }
    const found = numbered ? /^([0-9]+) (.*)$/.exec(line)! : [line, '1', line]
    const connection = Number(found[1])
    const text = found[2]!
    const tagged = /^(tag[0-9]+) (.*)$/.exec(text)
    const rest = tagged?.[2] ?? text
    const status = STATUS.exec(rest)
    // The answer to a command that stands above.
    if (status && open && (tagged || open.tags.includes(''))) {
      open.answers.push(rest.replace(/^""\s*/, ''))
      open.tags.splice(open.tags.indexOf(tagged?.[1] ?? ''), 1)
      if (open.tags.length === 0) open = undefined
    } else if (status) {
      steps.push({
        connection,
        commands: [rest.slice(status[0].length)],
        expected: [],
        answers: [status[1] === '""' ? '' : status[1]!],
        line,
      })
    } else {
      if (!open) {
        open = { connection, commands: [], expected: [], answers: [], line, tags: [] }
        steps.push(open)
      }
      open.commands.push(rest)
      open.tags.push(tagged?.[1] ?? '')
    }
  }
  return steps
}
