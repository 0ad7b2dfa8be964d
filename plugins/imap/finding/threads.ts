/**
 * Threads as THREAD tells them (RFC 5256 §4), and the simpler of the two ways to find them. A thread is a tree of nodes; a node without a number
 * stands for a message that is not among those found. Written without recursion, since mail decides how deep a tree is.
 */
import type { Columns, NumberName, TextName } from './columns.js'
import { sentDates } from './sorting.js'
import { sortInTurns } from './turning.js'

/** A message as it is threaded. */
export interface Threaded {
  readonly uid: number
  readonly sent: number
  /** Base subject. */
  readonly subject: string
  /** A reply or a forward, by its subject. */
  readonly reply: boolean
  /** Message-IDs: its own, or '', and those of what it refers to, the oldest first; a space between. */
  readonly ids: string
}

export const THREADED: readonly (NumberName | TextName)[] = ['sent', 'arrival', 'subject', 'ids']

export function threadedOf(columns: Columns): Threaded[] {
  const [dates, subjects, ids] = [sentDates(columns), columns.texts('subject'), columns.texts('ids')]
  return columns.uids.map((uid, at) => {
    const subject = subjects[at]!
    return { uid, sent: dates[at]!, subject: subject.slice(1), reply: subject[0] === '+', ids: ids[at]! }
  })
}

export interface ThreadNode {
  readonly message?: Threaded | undefined
  children: ThreadNode[]
}

/** RFC 5256 §3 ORDEREDSUBJECT: the first of each subject, and below it all others. */
export async function orderedSubject(messages: readonly Threaded[]): Promise<ThreadNode[]> {
  const bySubject = new Map<string, ThreadNode>()
  const threads: ThreadNode[] = []
  // The first of each subject comes first, and so all others below it are in order.
  for (const message of await sortInTurns(messages, bySent)) {
    const node: ThreadNode = { message, children: [] }
    const thread = bySubject.get(message.subject)
    if (thread) thread.children.push(node)
    else {
      bySubject.set(message.subject, node)
      threads.push(node)
    }
  }
  return threads
}

export function bySent(a: Threaded, b: Threaded): number {
  return a.sent - b.sent || a.uid - b.uid
}

/** Deeper answers break the readers of clients; from here on a thread is told as if it were a line. */
const DEEPEST = 500

/** thread-list: `(2)(3 6 (4 23)(44 7 96))`. */
export function writeThreads(threads: readonly ThreadNode[], numberOf: (message: Threaded) => number): string {
  const out: string[] = []
  // A string is written as it stands, a node with what is under it.
  const todo: (string | { readonly node: ThreadNode; readonly depth: number })[] = []
  const nest = (nodes: readonly ThreadNode[], depth: number): void => {
    for (const node of nodes.toReversed()) todo.push(')', { node, depth }, '(')
  }
  nest(threads, 0)
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (typeof next === 'string') {
      out.push(next)
      continue
    }
    const { node, depth } = next
    const { message, children } = node
    if (message) out.push(String(numberOf(message)))
    if (children.length === 0) continue
    if (message) out.push(' ')
    if (children.length === 1) todo.push({ node: children[0]!, depth })
    else if (depth < DEEPEST) nest(children, depth + 1)
    else todo.push({ node: inLine(children), depth })
  }
  return out.join('')
}

function inLine(nodes: readonly ThreadNode[]): ThreadNode {
  const all: ThreadNode[] = []
  const todo = nodes.toReversed()
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    all.push(node)
    for (const child of node.children.toReversed()) todo.push(child)
  }
  return all.reduceRight((rest: ThreadNode | undefined, node) => {
    const children = rest === undefined ? [] : [rest]
    return node.message === undefined ? { children } : { message: node.message, children }
  }, undefined)!
}
