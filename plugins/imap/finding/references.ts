/**
 * THREAD=REFERENCES (RFC 5256 §3): who answers whom, by Message-IDs first and by subjects then. The steps are those of the RFC and named so.
 * Without recursion, and with chains bounded, since mail decides how long they are.
 */
import { Turns } from '../turns.js'
import { bySent, type Threaded, type ThreadNode } from './threads.js'
import { sortInTurns } from './turning.js'

interface Node extends ThreadNode {
  readonly message: Threaded | undefined
  parent: Node | undefined
  children: Node[]
}

/** Longer chains of answers are cut: looking for loops in them would take for ever. */
const LONGEST_CHAIN = 1000

/** `messages` ascend by UID. */
export async function byReferences(messages: readonly Threaded[]): Promise<ThreadNode[]> {
  const turns = new Turns()
  const heads = await linked(messages, turns)
  await turns.give()
  const pruned = prune(heads)
  await turns.give()
  const merged = mergeSubjects(await sortTop(pruned))
  await turns.give()
  return sortAll(merged)
}

// ── (1), (2) ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Messages and dummies without parents. */
async function linked(messages: readonly Threaded[], turns: Turns): Promise<Node[]> {
  const byId = new Map<string, Node>()
  const all: Node[] = []
  const made = (message: Threaded | undefined): Node => {
    const node: Node = { message, parent: undefined, children: [] }
    all.push(node)
    return node
  }
  // Those that are there take their ids before anybody's references make dummies of them.
  for (const message of messages) {
    const node = made(message)
    const [id = ''] = message.ids.split(' ', 1)
    // Of two with one id the first has it; without, nobody can refer to the message.
    if (id !== '' && !byId.has(id)) byId.set(id, node)
    if (turns.due) await turns.give()
  }
  const nodeOf = (id: string): Node => {
    const known = byId.get(id)
    if (known !== undefined) return known
    const node = made(undefined)
    byId.set(id, node)
    return node
  }
  for (const [index, { ids }] of messages.entries()) {
    linkOne(all[index]!, ids.split(' ').slice(1).map(nodeOf))
    if (turns.due) await turns.give()
  }
  for (const node of all) node.parent?.children.push(node)
  return all.filter(node => node.parent === undefined)
}

function linkOne(node: Node, ancestors: readonly Node[]): void {
  // (A)
  for (let i = 1; i < ancestors.length; i++)
    if (ancestors[i]!.parent === undefined) link(ancestors[i - 1]!, ancestors[i]!)
  // (B)
  node.parent = undefined
  const last = ancestors.at(-1)
  if (last !== undefined) link(last, node)
}

/** Not where it would make a loop. */
function link(parent: Node, child: Node): void {
  let steps = 0
  for (let above: Node | undefined = parent; above !== undefined; above = above.parent)
    if (above === child || ++steps > LONGEST_CHAIN) return
  child.parent = parent
}

// ── (3) ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function prune(heads: readonly Node[]): Node[] {
  for (const node of childrenFirst(heads))
    node.children = node.children.flatMap(child => (child.message ? [child] : child.children))
  return heads.flatMap(head => {
    if (head.message || head.children.length > 1) return [head]
    return head.children
  })
}

/** Every node before the one above it. */
function childrenFirst(heads: readonly Node[]): Node[] {
  const order: Node[] = []
  const todo = [...heads]
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    order.push(node)
    for (const child of node.children) todo.push(child)
  }
  return order.reverse()
}

// ── (4), (6) ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A dummy, of which there are none below the top, goes by its first child. */
function first(node: Node): Threaded {
  return node.message ?? node.children[0]!.message!
}

const byFirst = (a: Node, b: Node): number => bySent(first(a), first(b))

function sortTop(heads: readonly Node[]): Promise<Node[]> {
  for (const head of heads) if (!head.message) head.children.sort(byFirst)
  return sortInTurns(heads, byFirst)
}

function sortAll(heads: readonly Node[]): Promise<Node[]> {
  for (const node of childrenFirst(heads)) if (node.children.length > 1) node.children.sort(byFirst)
  return sortInTurns(heads, byFirst)
}

// ── (5) ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function mergeSubjects(heads: readonly Node[]): Node[] {
  const table = subjectTable(heads)
  const left = new Set<Node>(heads)
  for (const head of heads) {
    const subject = first(head).subject
    const main = table.get(subject)
    if (subject === '' || main === undefined || main === head) continue
    left.delete(head)
    if (!main.message) {
      for (const child of head.message ? [head] : head.children) main.children.push(child)
    } else if (isReply(head) && !isReply(main)) {
      main.children.push(head)
    } else {
      const dummy: Node = { message: undefined, parent: undefined, children: [main, head] }
      left.delete(main)
      left.add(dummy)
      table.set(subject, dummy)
    }
  }
  return [...left]
}

function subjectTable(heads: readonly Node[]): Map<string, Node> {
  const table = new Map<string, Node>()
  for (const head of heads) {
    const subject = first(head).subject
    if (subject === '') continue
    const known = table.get(subject)
    if (known === undefined || (known.message && (!head.message || (isReply(known) && !isReply(head)))))
      table.set(subject, head)
  }
  return table
}

function isReply({ message }: Node): boolean {
  return message?.reply === true
}
