/** What may be said of a part or file in a rule. A new kind of content or oddity breaks the build here until rules may name it. */
import type { ContentKind, JsonSchema, PartFacts, PartOddity } from 'posthouse/api'
import { MATCHES } from './keys.js'

const KINDS: Readonly<Record<ContentKind, true>> = {
  empty: true,
  text: true,
  html: true,
  xml: true,
  svg: true,
  rtf: true,
  calendar: true,
  vcard: true,
  script: true,
  message: true,
  multipart: true,
  pdf: true,
  postscript: true,
  image: true,
  audio: true,
  video: true,
  font: true,
  zip: true,
  '7z': true,
  rar: true,
  gzip: true,
  bzip2: true,
  xz: true,
  zstd: true,
  tar: true,
  cab: true,
  arj: true,
  ace: true,
  lzh: true,
  'disk-image': true,
  ole: true,
  ooxml: true,
  opendocument: true,
  onenote: true,
  msi: true,
  jar: true,
  apk: true,
  'java-class': true,
  exe: true,
  elf: true,
  'mach-o': true,
  shortcut: true,
  help: true,
  tnef: true,
  pgp: true,
  smime: true,
  unknown: true,
}

const ODDITIES: Readonly<Record<PartOddity, true>> = {
  'type-lies': true,
  'name-lies': true,
  'double-extension': true,
  'spaced-extension': true,
  'turned-name': true,
  'names-differ': true,
  'charset-lies': true,
  'charset-unknown': true,
  'encoding-broken': true,
  'encoding-unknown': true,
  'encoding-needless': true,
  'type-broken': true,
  'no-boundary': true,
  'no-parts': true,
  'no-end': true,
  'html-as-text': true,
  'text-as-html': true,
}

const ROLES: Readonly<Record<PartFacts['role'], true>> = {
  body: true,
  file: true,
  inline: true,
  multipart: true,
  message: true,
}

const SIZE = { type: 'string', format: 'size' } as const
const ENDINGS: JsonSchema = {
  type: 'array',
  minItems: 1,
  maxItems: 500,
  items: { type: 'string', minLength: 1, maxLength: 40 },
}

function among(words: Readonly<Record<string, true>>, description: string): JsonSchema {
  return { type: 'array', minItems: 1, maxItems: 100, items: { type: 'string', enum: Object.keys(words) }, description }
}

export const PART_KEYS: Readonly<Record<string, JsonSchema>> = {
  role: among(ROLES, 'what it is for'),
  kind: among(KINDS, 'what it is by its content, whatever it says'),
  type: { ...ENDINGS, description: 'type as said: text/html, image/*' },
  ending: { ...ENDINGS, description: 'endings of its name: exe, scr' },
  name: { ...MATCHES, description: 'regular expression on its name' },
  odd: among(ODDITIES, 'one of these is strange about it'),
  encoding: { ...ENDINGS, description: 'transfer encoding as said: base64' },
  charset: { ...ENDINGS, description: 'charset as said' },
  macros: { type: 'boolean', description: 'an office document with macros, or without' },
  over: { ...SIZE, description: 'larger than this: 20KB' },
  under: { ...SIZE, description: 'smaller than this' },
  archive: {
    type: 'object',
    additionalProperties: false,
    description: 'it is an archive, and such a one',
    properties: {
      holds: { ...ENDINGS, description: 'endings of names in it' },
      encrypted: { type: 'boolean', description: 'some of it wants a password' },
      closed: { type: 'boolean', description: 'its directory cannot be read' },
      entries_over: { type: 'integer', minimum: 0, description: 'more entries than this' },
      ratio_over: { type: 'number', minimum: 0, description: 'unpacked octets for one packed: more than this' },
    },
  },
}
