/**
 * The lists that servers keep beside a Maildir's messages: which UID, which UIDL and which keywords each has. Written from what Dovecot 2.3 and
 * Courier 5 leave on the disk. A line that cannot be understood is passed over: its message gets a new UID.
 */
import { isUid, isUniqueId } from 'posthouse/api'

/** By name of the file, without flags. */
export interface UidList {
  uidValidity?: number
  uidNext?: number
  readonly uids: Map<string, number>
  /** What POP3 called them, where that was kept. */
  readonly uniqueIds: Map<string, string>
}

/** `undefined` when it is no such list. */
export async function readDovecotUidList(lines: AsyncIterable<string>): Promise<UidList | undefined> {
  const list: UidList = { uids: new Map(), uniqueIds: new Map() }
  let version = 0
  for await (const line of lines) {
    if (version === 0) {
      version = readHeader(line, list)
      if (version === 0) return undefined
    } else if (version === 1) readOldEntry(line, list)
    else readEntry(line, list)
  }
  return version === 0 ? undefined : list
}

/** `3 V1795343235 N13 Gd9aa…`, or `1 1795343235 13`, which Courier's courierimapuiddb has too. */
function readHeader(line: string, list: UidList): number {
  const [version, ...fields] = line.split(' ')
  if (version === '1') {
    const [validity, next] = fields.map(Number)
    return set(list, validity, next) ? 1 : 0
  }
  if (version !== '3') return 0
  const field = (letter: string) => Number(fields.find(one => one.startsWith(letter))?.slice(1))
  return set(list, field('V'), field('N')) ? 3 : 0
}

function set(list: UidList, validity = 0, next = 0): boolean {
  if (!isUid(validity)) return false
  list.uidValidity = validity
  if (isUid(next)) list.uidNext = next
  return true
}

/** `12 1795343233.M692181P29866.vm`, flags may stand behind. */
function readOldEntry(line: string, list: UidList): void {
  const space = line.indexOf(' ')
  note(list, Number(line.slice(0, space)), line.slice(space + 1))
}

/** `12 Pold-uidl W75 :1795343233.M692181P29866.vm,S=68`; the letters are Dovecot's extension fields. */
function readEntry(line: string, list: UidList): void {
  const name = line.indexOf(' :')
  if (name < 0) return
  const [uid, ...fields] = line.slice(0, name).split(' ')
  const file = note(list, Number(uid), line.slice(name + 2))
  const uniqueId = fields.find(field => field.startsWith('P'))?.slice(1)
  if (file !== undefined && uniqueId !== undefined && isUniqueId(uniqueId)) list.uniqueIds.set(file, uniqueId)
}

function note(list: UidList, uid: number, name: string): string | undefined {
  const file = baseName(name)
  if (!isUid(uid) || file === '') return undefined
  list.uids.set(file, uid)
  return file
}

/** Of courierpop3dsizelist: UIDLs as courierpop3d says them. */
export async function readCourierPopList(lines: AsyncIterable<string>): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  let first = true
  for await (const line of lines) {
    // `/3 5 1795343394`; versions before have no `:order`, or no UIDVALIDITY
    if (first && !/^\/[23] /.test(line)) return found
    const entry = /^(?<name>.+) \d+ (?<uid>\d+)(?::(?<validity>\d+))?(?::\d+)?$/.exec(line)?.groups
    if (!first && entry !== undefined) {
      const { name, uid, validity = '0' } = entry
      const file = baseName(name!)
      if (uid === '0') found.set(file, file)
      else found.set(file, validity === '0' ? `UID${uid}` : `UID${uid}-${validity}`)
    }
    first = false
  }
  return new Map([...found].filter(([, uniqueId]) => isUniqueId(uniqueId)))
}

/** Of dovecot-keywords: `0 $MDNSent`, by the letter that stands for it in names of files. */
export async function readDovecotKeywords(lines: AsyncIterable<string>): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for await (const line of lines) {
    const entry = /^(?<number>\d{1,2}) (?<keyword>\S+)$/.exec(line)?.groups
    const number = Number(entry?.number)
    if (entry !== undefined && number < 26) found.set(String.fromCharCode(97 + number), entry.keyword!)
  }
  return found
}

/** Of courierimapkeywords/:list: keywords, an empty line, `file:0 2`. */
export async function readCourierKeywords(lines: AsyncIterable<string>): Promise<Map<string, readonly string[]>> {
  const names: string[] = []
  const found = new Map<string, readonly string[]>()
  let listing = true
  for await (const line of lines) {
    if (listing && line !== '') names.push(line)
    else if (listing) listing = false
    else {
      const colon = line.lastIndexOf(':')
      const keywords = line
        .slice(colon + 1)
        .split(' ')
        .flatMap(number => names[Number(number)] ?? [])
      if (colon > 0) found.set(baseName(line.slice(0, colon)), keywords)
    }
  }
  return found
}

/** What stays when flags change. */
export function baseName(file: string): string {
  const flags = file.lastIndexOf(':2,')
  return flags < 0 ? file : file.slice(0, flags)
}

const SYSTEM: ReadonlyMap<string, string> = new Map([
  ['D', '\\Draft'],
  ['F', '\\Flagged'],
  ['R', '\\Answered'],
  ['S', '\\Seen'],
  ['T', '\\Deleted'],
  ['P', '$Forwarded'],
])

/** Of a name such as `1795343233.M1P2.vm,S=68:2,FSa`. */
export function flagsOf(file: string, keywords: ReadonlyMap<string, string>): readonly string[] {
  const at = file.lastIndexOf(':2,')
  if (at < 0) return []
  return [...file.slice(at + 3)].flatMap(letter => SYSTEM.get(letter) ?? keywords.get(letter) ?? [])
}
