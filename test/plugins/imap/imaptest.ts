/**
 * Runs the scripts of Dovecot's imaptest: what a server must answer, written by others. Enough of the script language for the
 * groups that test the base protocol: connections, states, variables, unordered lists, blocks of text, expunges while a command runs.
 */
import assert from 'node:assert/strict'
import { expand, LINE_END, matchOrdered, matchUntagged, parse, type Untagged, type Variables } from './imaptest-tree.js'
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

/** A block `{{{ … }}}` becomes one word. */
function joinBlocks(text: string): string[] {
  const joined = text.replace(
    /\{\{\{\n([\s\S]*?)\n?\}\}\}/g,
    (_, block: string) => `\ue000${block.replaceAll('\n', LINE_END)}\ue001`,
  )
  return joined.split('\n').filter(line => line.trim() !== '' && !line.startsWith('#'))
}

export interface MboxMessage {
  readonly text: string
  /** date-time of its `From ` line, in quotes; where there is no zone, UTC. */
  readonly date: string
}

/** `From user@domain  Fri Feb 22 23:00:00 2008 +0200` */
const FROM_LINE = /^From \S+ +\w+ (\w+) +(\d+) (\d\d:\d\d:\d\d) (\d{4})(?: ([+-]\d{4}))?.*\n/m

export function readMbox(text: string): MboxMessage[] {
  return text.split(/(?=^From .*\n)/m).map(message => {
    const [line = '', month, day = '', time, year, zone = '+0000'] = FROM_LINE.exec(message) ?? []
    const date = line === '' ? '' : `"${day.padStart(2, '0')}-${month}-${year} ${time} ${zone}" `
    return { text: message.replace(/^From .*\n/, '').replace(/\r?\n/g, '\r\n'), date }
  })
}

// ── running ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

export class Run {
  private readonly variables: Variables
  private readonly script: Script
  private readonly clients: readonly Client[]
  private readonly messages: readonly MboxMessage[]
  private nextMessage = 0
  private readonly untagged: Untagged[] = []
  /** Original numbers of the messages there are, per connection, while a command runs. */
  private seqs: number[] = []

  constructor(script: Script, clients: readonly Client[], messages: readonly MboxMessage[]) {
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
    for (let i = 0; i < (messages ?? this.messages.length); i++) {
      const { text, date } = this.message()
      await first!.append('imaptest', text, date)
    }
    if (state === 'selected') for (const client of this.clients) await client.ok('SELECT imaptest')
  }

  private message(): MboxMessage {
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
    const text = asLiterals(expand(command, this.variables))
    if (!/^append\b/i.test(text) || /\{[0-9]+\+?\}/.test(text)) return text
    const message = this.message().text
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

/** Blocks in a command are sent as literals; only those of a literal8 as they are. */
function asLiterals(command: string): string {
  return command.replace(/(~?)\ue000([^\ue001]*)\ue001/g, (_, binary: string, block: string) => {
    const text = block.replaceAll('\r', binary === '' ? '' : '\r').replaceAll(LINE_END, binary === '' ? '\r\n' : '\n')
    return `${binary}{${text.length}+}\r\n${text}`
  })
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
    // `?`: may be told or not.
    if (line.startsWith('? ')) continue
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
