/**
 * Whether a type, or the ending of a name, may stand for what a part holds. Only claims that are known to be specific are judged:
 * application/octet-stream claims nothing, and of content that is not recognised nothing is said.
 */
import type { ContentKind } from './part-facts.js'

const ZIPPED = 'zip ooxml opendocument jar apk'
const TEXTS = 'text html xml svg calendar vcard script rtf postscript pgp message'

/** What a claim covers. */
const CLAIMS = {
  pdf: 'pdf',
  image: 'image svg',
  zip: ZIPPED,
  ooxml: 'ooxml zip ole',
  ole: 'ole rtf ooxml html xml text',
  text: TEXTS,
  html: 'html xml svg text',
  audio: 'audio video',
  video: 'video audio',
  rtf: 'rtf ole ooxml text',
  gzip: 'gzip tar',
  rar: 'rar zip',
  '7z': '7z',
  calendar: 'calendar text',
  exe: 'exe',
} as const

const BY_TYPE: readonly (readonly [RegExp, keyof typeof CLAIMS])[] = [
  [/^image\//, 'image'],
  [/^text\/html$/, 'html'],
  [/^text\/calendar$/, 'calendar'],
  [/^text\//, 'text'],
  [/^audio\//, 'audio'],
  [/^video\//, 'video'],
  [/^application\/(?:x-)?pdf$/, 'pdf'],
  [/^application\/(?:x-)?zip(?:-compressed)?$/, 'zip'],
  [/^application\/vnd\.openxmlformats/, 'ooxml'],
  [/^application\/(?:msword|vnd\.ms-(?:excel|powerpoint))$/, 'ole'],
  [/^application\/rtf$/, 'rtf'],
  [/^application\/(?:x-)?gzip$/, 'gzip'],
  [/^application\/(?:x-|vnd\.)?rar$/, 'rar'],
  [/^application\/x-7z-compressed$/, '7z'],
]

const BY_ENDING = new Map<string, keyof typeof CLAIMS>([
  ['pdf', 'pdf'],
  ['jpg', 'image'],
  ['jpeg', 'image'],
  ['png', 'image'],
  ['gif', 'image'],
  ['bmp', 'image'],
  ['tif', 'image'],
  ['tiff', 'image'],
  ['webp', 'image'],
  ['zip', 'zip'],
  ['docx', 'ooxml'],
  ['xlsx', 'ooxml'],
  ['pptx', 'ooxml'],
  ['docm', 'ooxml'],
  ['xlsm', 'ooxml'],
  ['doc', 'ole'],
  ['xls', 'ole'],
  ['ppt', 'ole'],
  ['rtf', 'rtf'],
  ['txt', 'text'],
  ['csv', 'text'],
  ['log', 'text'],
  ['htm', 'html'],
  ['html', 'html'],
  ['gz', 'gzip'],
  ['tgz', 'gzip'],
  ['rar', 'rar'],
  ['7z', '7z'],
  ['ics', 'calendar'],
  ['mp3', 'audio'],
  ['wav', 'audio'],
  ['mp4', 'video'],
  ['avi', 'video'],
])
const COVERED = new Map(Object.entries(CLAIMS).map(([claim, kinds]) => [claim, new Set(kinds.split(' '))]))
/** Nobody says what they are. */
const SILENT: ReadonlySet<ContentKind> = new Set(['unknown', 'empty', 'multipart', 'message'])

export function typeAgrees(type: string, kind: ContentKind): boolean {
  if (SILENT.has(kind)) return true
  const claim = BY_TYPE.find(([pattern]) => pattern.test(type))?.[1]
  return claim === undefined || COVERED.get(claim)!.has(kind)
}

export function nameAgrees(name: string, kind: ContentKind): boolean {
  if (SILENT.has(kind) || name === '') return true
  const claim = BY_ENDING.get(
    name
      .slice(name.lastIndexOf('.') + 1)
      .trim()
      .toLowerCase(),
  )
  return claim === undefined || COVERED.get(claim)!.has(kind)
}
