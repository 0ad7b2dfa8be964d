/**
 * What octets are, by how they begin ("magic"), whatever type and name say of them. A table of beginnings, then the few kinds that hide
 * inside another's container. Looks at some hundred octets; never throws. Tells sorts apart, not versions.
 */
import type { ContentKind } from './part-facts.js'

/** More than this is never looked at; tar has its mark at 257. */
export const KIND_OCTETS = 4096

type Beginning = readonly [kind: ContentKind, mark: string, at?: number]

/** Marks are octets as Latin-1. */
const BEGINNINGS: readonly Beginning[] = [
  ['pdf', '%PDF-'],
  ['postscript', '%!PS'],
  ['rtf', '{\\rt'],
  ['image', '\x89PNG\r\n\x1a\n'],
  ['image', '\xff\xd8\xff'],
  ['image', 'GIF8'],
  ['image', 'II*\x00'],
  ['image', 'MM\x00*'],
  ['image', '8BPS'],
  ['image', '\x00\x00\x01\x00'],
  ['image', '\x00\x00\x00\x0cjP  '],
  ['7z', "7z\xbc\xaf'\x1c"],
  ['rar', 'Rar!\x1a\x07'],
  ['gzip', '\x1f\x8b\x08'],
  ['bzip2', 'BZh'],
  ['xz', '\xfd7zXZ\x00'],
  ['zstd', '\x28\xb5\x2f\xfd'],
  ['cab', 'MSCF\x00\x00\x00\x00'],
  ['arj', '\x60\xea'],
  ['ace', '**ACE**', 7],
  ['lzh', '-lh', 2],
  ['tar', 'ustar', 257],
  ['ole', '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'],
  ['onenote', '\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3'],
  ['java-class', '\xca\xfe\xba\xbe\x00\x00\x00'],
  ['elf', '\x7fELF'],
  ['mach-o', '\xcf\xfa\xed\xfe'],
  ['mach-o', '\xce\xfa\xed\xfe'],
  ['shortcut', 'L\x00\x00\x00\x01\x14\x02\x00'],
  ['help', 'ITSF'],
  ['tnef', '\x78\x9f\x3e\x22'],
  ['disk-image', 'conectix'],
  ['disk-image', 'vhdxfile'],
  ['disk-image', 'CD001', 0x8001],
  ['audio', 'ID3'],
  ['audio', 'OggS'],
  ['audio', 'fLaC'],
  ['audio', 'MThd'],
  ['audio', '#!AMR'],
  ['video', '\x1a\x45\xdf\xa3'],
  ['video', '\x00\x00\x01\xba'],
  ['video', '\x00\x00\x01\xb3'],
  ['video', 'FLV\x01'],
  ['video', '\x30\x26\xb2\x75\x8e\x66\xcf\x11'],
  ['font', 'wOFF'],
  ['font', 'wOF2'],
  ['font', '\x00\x01\x00\x00\x00'],
  ['font', 'OTTO'],
  ['script', '#!/'],
  ['script', '#! /'],
]

/** By the first octet, so that few are tried; those that stand elsewhere are tried for all. */
const BY_OCTET = new Map<number, Beginning[]>()
const ELSEWHERE: Beginning[] = []
for (const one of BEGINNINGS) {
  const [, mark, at = 0] = one
  if (at > 0) ELSEWHERE.push(one)
  else BY_OCTET.set(mark.charCodeAt(0), [...(BY_OCTET.get(mark.charCodeAt(0)) ?? []), one])
}

const HTML =
  /^(?:<!--[\s\S]{0,300}?-->\s*|<\?xml[^>]{0,200}>\s*)?<(?:!doctype\s+html|html|head|body|meta|title|style|script|table|center|font|div|p|br|a\s+href|img\s)[\s/>]/i
const SVG = /^(?:<\?xml[^>]{0,200}>\s*|<!--[\s\S]{0,300}?-->\s*|<!doctype\s+svg[^>]{0,200}>\s*){0,3}<svg[\s>]/i
const XML = /^<\?xml\s/i
const BATCH = /^(?:@echo\s+off|rem\s|powershell\b|cmd\s*\/c|<job\b|on error resume next|set-executionpolicy\b)/i
const ARMOUR = /^-----BEGIN PGP /

/** `octets` is the content from its start, or as much of it as there is. */
export function contentKind(octets: Buffer): ContentKind {
  if (octets.length === 0) return 'empty'
  const found = byMark(octets)
  if (found === 'zip') return zipKind(octets)
  return found ?? (looksLikeText(octets) ? textKind(octets) : 'unknown')
}

function byMark(octets: Buffer): ContentKind | undefined {
  const first = octets[0]!
  // PE begins with the two letters of a DOS program; letters alone could be a word.
  if (first === 0x4d && octets[1] === 0x5a) return isProgram(octets) ? 'exe' : undefined
  if (first === 0x50 && octets[1] === 0x4b && (octets[2] === 3 || octets[2] === 5 || octets[2] === 7)) return 'zip'
  for (const [kind, mark, at = 0] of BY_OCTET.get(first) ?? []) if (stands(octets, mark, at)) return kind
  if (first === 0x52 && stands(octets, 'RIFF', 0)) return riffKind(octets)
  if (first === 0x42 && stands(octets, 'BM', 0) && octets.length > 14 && octets.readUInt32LE(6) === 0) return 'image'
  if (stands(octets, 'ftyp', 4)) return ftypKind(octets)
  if (first === 0xff && (octets[1]! & 0xe6) === 0xe2) return 'audio'
  if (first === 0x30 && (octets[1] === 0x82 || octets[1] === 0x80) && octets.includes(SIGNED_DATA)) return 'smime'
  for (const [kind, mark, at = 0] of ELSEWHERE) if (stands(octets, mark, at)) return kind
  return undefined
}

/** The object identifiers of PKCS #7 (RFC 5652 §4). */
const SIGNED_DATA = Buffer.from([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07])

function stands(octets: Buffer, mark: string, at: number): boolean {
  if (octets.length < at + mark.length) return false
  for (let i = 0; i < mark.length; i++) if (octets[at + i] !== mark.charCodeAt(i)) return false
  return true
}

/** Octets that no text has follow at once. */
function isProgram(octets: Buffer): boolean {
  return octets.length >= 8 && octets.subarray(2, 64).some(octet => octet < 9 || octet === 0xff)
}

function riffKind(octets: Buffer): ContentKind {
  if (stands(octets, 'WEBP', 8) || stands(octets, 'ACON', 8)) return 'image'
  return stands(octets, 'AVI ', 8) ? 'video' : 'audio'
}

function ftypKind(octets: Buffer): ContentKind {
  const brand = octets.toString('latin1', 8, 12)
  if (/^(?:heic|heix|mif1|avif|msf1)/.test(brand)) return 'image'
  return brand.startsWith('M4A') ? 'audio' : 'video'
}

/** Office, Java and Android pack in zip; the first names in it tell which. */
function zipKind(octets: Buffer): ContentKind {
  const start = octets.toString('latin1', 0, Math.min(octets.length, KIND_OCTETS))
  if (start.includes('mimetypeapplication/vnd.oasis')) return 'opendocument'
  if (/\[Content_Types\]\.xml|(?:^|[^\w])(?:word|xl|ppt)\/\w/.test(start)) return 'ooxml'
  if (start.includes('AndroidManifest.xml')) return 'apk'
  return start.includes('META-INF/MANIFEST.MF') || start.includes('META-INF/\x00') ? 'jar' : 'zip'
}

function textKind(octets: Buffer): ContentKind {
  const text = withoutMark(octets.toString('latin1', 0, Math.min(octets.length, 1024))).trimStart()
  if (text.startsWith('<')) {
    if (SVG.test(text)) return 'svg'
    if (HTML.test(text)) return 'html'
    if (XML.test(text)) return /<html[\s>]/i.test(text) ? 'html' : 'xml'
    return BATCH.test(text) ? 'script' : 'text'
  }
  if (/^BEGIN:VCALENDAR\b/i.test(text)) return 'calendar'
  if (/^BEGIN:VCARD\b/i.test(text)) return 'vcard'
  if (ARMOUR.test(text)) return 'pgp'
  return BATCH.test(text) ? 'script' : 'text'
}

function withoutMark(text: string): string {
  return text.startsWith('\xef\xbb\xbf') ? text.slice(3) : text
}

/** No octet that text never has, or UTF-16 with its mark. */
function looksLikeText(octets: Buffer): boolean {
  if ((octets[0] === 0xff && octets[1] === 0xfe) || (octets[0] === 0xfe && octets[1] === 0xff)) return true
  const end = Math.min(octets.length, 512)
  for (let i = 0; i < end; i++) {
    const octet = octets[i]!
    // Escape is ISO-2022's.
    if (octet < 32 && octet !== 9 && octet !== 10 && octet !== 13 && octet !== 12 && octet !== 27) return false
  }
  return true
}
