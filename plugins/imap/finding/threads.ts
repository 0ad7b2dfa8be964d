/**
 * Threads as THREAD tells them (RFC 5256 §4), and the simpler of the two ways to find them. A thread is a tree of nodes; a node without a number
 * stands for a message that is not among those found. Written without recursion, since mail decides how deep a tree is.
 */
import { type Sortable, sentDate } from './sorting.js'

export interface ThreadNode {
  readonly message?: Sortable
  children: ThreadNode[]
}

/** RFC 5256 §3 ORDEREDSUBJECT: the first of each subject, and below it all others. `messages` ascend by UID. */
export function orderedSubject(messages: readonly Sortable[]): ThreadNode[] {
  const bySubject = new Map<string, Sortable[]>()
  for (const message of messages) {
    const same = bySubject.get(message.facts.subject)
    if (same) same.push(message)
    else bySubject.set(message.facts.subject, [message])
  }
  const threads = [...bySubject.values()].map(same => {
    const [first, ...rest] = same.sort(bySent).map(message => ({ message, children: [] as ThreadNode[] }))
    first!.children = rest
    return first!
  })
  return threads.sort((a, b) => bySent(a.message, b.message))
}

export function bySent(a: Sortable, b: Sortable): number {
  return sentDate(a) - sentDate(b) || a.uid - b.uid
}

/** Deeper answers break the readers of clients; from here on a thread is told as if it were a line. */
const DEEPEST = 500

/** thread-list: `(2)(3 6 (4 23)(44 7 96))`. */
export function writeThreads(threads: readonly ThreadNode[], numberOf: (message: Sortable) => number): string {
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
