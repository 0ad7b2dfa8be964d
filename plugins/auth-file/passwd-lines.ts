/**
 * Lines of passwd-style files, of Dovecot's passwd-file and of shadow files: `name:hash:uid:gid:gecos:home:shell:extra`, of which only the first two
 * must be there. Read for what an account here can have; homes and ids of other systems mean nothing here. Pure.
 */
import { parseSize } from 'posthouse/text'

export type PasswdLine =
  | {
      readonly kind: 'entry'
      readonly name: string
      readonly hash: string
      readonly disabled: boolean
      readonly quotaBytes?: number
      readonly quotaMessages?: number
    }
  /** Nobody logs in by a password there, as with accounts of a system. */
  | { readonly kind: 'no password'; readonly name: string }
  | { readonly kind: 'fault'; readonly why: string }

const MOST_LINE = 65_536

/** `undefined`: a comment or nothing. */
export function readPasswdLine(line: string): PasswdLine | undefined {
  if (/^\s*(?:#|$)/.test(line)) return undefined
  if (line.length > MOST_LINE) return { kind: 'fault', why: 'the line is longer than 64 KB' }
  const [name = '', hash, , , , , , ...rest] = line.split(':')
  if (name === '' || hash === undefined) return { kind: 'fault', why: 'expected name:hash' }
  if (/^(?:|x|\*.*|!.*)$/i.test(hash)) return { kind: 'no password', name }
  const extra = extraOf(rest.join(':'))
  if (extra.has('nopassword')) return { kind: 'no password', name }
  return { kind: 'entry', name, hash, disabled: extra.has('nologin'), ...quotaOf(extra) }
}

/** Words behind the seventh colon, with `userdb_` in front or not; of two of one name both count. */
function extraOf(text: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const word of text.split(/\s+/)) {
    const [, key, value] = /^(?:userdb_)?([A-Za-z0-9_/]+)(?:=(.*))?$/.exec(word) ?? []
    if (key !== undefined) found.set(key, [...(found.get(key) ?? []), value ?? ''])
  }
  return found
}

/** `quota_rule=*:storage=1G:messages=1000`, and as newer files have it `quota_storage_size=1G`. Rules of single folders are left out. */
function quotaOf(extra: ReadonlyMap<string, readonly string[]>): { quotaBytes?: number; quotaMessages?: number } {
  const rules = ['quota_rule', 'quota_rule2', 'quota_rule3']
    .flatMap(name => extra.get(name) ?? [])
    .filter(rule => rule.startsWith('*:'))
    .flatMap(rule => rule.slice(2).split(':'))
  const said = (key: string) => rules.find(rule => rule.startsWith(`${key}=`))?.slice(key.length + 1)
  // Without a unit `storage` is in KB.
  const storage = said('storage')
  const bytes =
    sizeOf(storage === undefined ? undefined : /^\d+$/.test(storage) ? `${storage}K` : storage) ??
    sizeOf(said('bytes')) ??
    sizeOf(extra.get('quota_storage_size')?.[0])
  const messages = Number(said('messages') ?? extra.get('quota_message_count')?.[0] ?? 0)
  return {
    ...(bytes !== undefined && bytes > 0 && { quotaBytes: bytes }),
    ...(Number.isSafeInteger(messages) && messages > 0 && { quotaMessages: messages }),
  }
}

function sizeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseSize(text)
}
