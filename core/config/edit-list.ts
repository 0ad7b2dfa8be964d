/**
 * One entry more or less in a list of an admin's YAML file, and not an octet else: comments, order and spelling stay. Only what was read back as
 * meant counts; a list that is written in a way of its own is left to its owner. Pure.
 */
import { isScalar, isSeq, parseDocument, type Scalar, type YAMLSeq } from 'yaml'

export type ListEdit = { readonly kind: 'add' | 'remove'; readonly value: string }

/** The new text; `undefined`: it cannot be done without knowing what the owner meant. */
export function editList(text: string, key: string, edit: ListEdit): string | undefined {
  const before = readList(text, key)
  if (before === undefined) return undefined
  const { list, values } = before
  const at = values.indexOf(edit.value)
  const wish = edit.kind === 'add' ? [...values, edit.value] : values.filter(value => value !== edit.value)
  if (edit.kind === 'remove' && at < 0) return undefined
  const changed = edit.kind === 'add' ? added(text, list, edit.value) : removed(text, list, at)
  const after = changed === undefined ? undefined : readList(changed, key)
  const asMeant = after !== undefined && JSON.stringify(after.values) === JSON.stringify(wish)
  return asMeant ? changed : undefined
}

interface Read {
  readonly list: YAMLSeq<Scalar>
  readonly values: readonly string[]
}

function readList(text: string, key: string): Read | undefined {
  const document = parseDocument(text)
  const list = document.errors.length === 0 ? document.get(key) : undefined
  if (!isSeq<Scalar>(list) || !list.items.every(item => isScalar(item) && item.range)) return undefined
  return { list, values: list.items.map(({ value }) => String(value)) }
}

function added(text: string, { items, flow, range }: YAMLSeq<Scalar>, value: string): string | undefined {
  const last = items.at(-1)
  if (last === undefined) {
    const start = range?.[0] ?? -1
    return flow && text[start] === '[' ? insert(text, start + 1, value) : undefined
  }
  if (flow) return insert(text, endOf(last), `, ${value}`)
  const { start, end } = lineAt(text, startOf(last))
  const dash = /^(\s*-\s+)/.exec(text.slice(start, end))?.[1]
  // `key: - value` and entries over several lines are nobody's habit.
  if (dash === undefined || endOf(last) > end) return undefined
  return insert(text, end, `${eol(text)}${dash}${value}`)
}

function removed(text: string, { items, flow }: YAMLSeq<Scalar>, at: number): string | undefined {
  const item = items[at]!
  if (flow) {
    const [from, to] =
      at > 0
        ? [endOf(items[at - 1]!), endOf(item)]
        : [startOf(item), items.length > 1 ? startOf(items[1]!) : endOf(item)]
    return cut(text, from, to)
  }
  const { start, end, next } = lineAt(text, startOf(item))
  // An empty list in block style would be nothing at all.
  return items.length > 1 && endOf(item) <= end ? cut(text, start, next) : undefined
}

function startOf({ range }: Scalar): number {
  return range![0]
}

function endOf({ range }: Scalar): number {
  return range![1]
}

/** `end` is before its line end, `next` behind it. */
function lineAt(text: string, offset: number): { readonly start: number; readonly end: number; readonly next: number } {
  const feed = text.indexOf('\n', offset)
  const next = feed < 0 ? text.length : feed + 1
  const end = feed < 0 ? text.length : text[feed - 1] === '\r' ? feed - 1 : feed
  return { start: text.lastIndexOf('\n', offset - 1) + 1, end, next }
}

function eol(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n'
}

function insert(text: string, at: number, more: string): string {
  return text.slice(0, at) + more + text.slice(at)
}

function cut(text: string, from: number, to: number): string {
  return text.slice(0, from) + text.slice(to)
}
