/** Attachments that run, or that pretend to be something else. By name, by content, and by the directory of archives. */
import type { ContentKind, MessageText, PartFacts, PartOddity } from 'posthouse/api'
import { type Look, Shape } from './shape.js'

/** What Windows runs when it is opened, programs and scripts. */
const RUNS = new Set(
  (
    'exe com scr pif cpl dll msi msp msc bat cmd ps1 psm1 vbs vbe vb js jse ws wsf wsc wsh sct hta jar reg inf chm hlp gadget application ' +
    'appref-ms lnk url scf settingcontent-ms library-ms search-ms xll iqy slk appx msix'
  ).split(' '),
)
/** Opened like a folder, and out of sight of what marks files as coming from elsewhere. */
const IMAGES = new Set('iso img vhd vhdx udf dmg wim'.split(' '))
const RUNS_BY_CONTENT: ReadonlySet<ContentKind> = new Set([
  'exe',
  'elf',
  'mach-o',
  'msi',
  'shortcut',
  'help',
  'jar',
  'java-class',
  'apk',
])
const PAGES = new Set(['htm', 'html', 'shtml', 'xhtml', 'svg', 'mht', 'mhtml'])

export const FILE_TESTS = {
  'file-runs': ({ seen }) => file(seen, part => RUNS.has(endingOf(part.name)) || RUNS_BY_CONTENT.has(part.kind)),

  'file-is-disk-image': ({ seen }) => file(seen, part => IMAGES.has(endingOf(part.name)) || part.kind === 'disk-image'),

  'archive-holds-what-runs': ({ seen }) => entry(seen, name => RUNS.has(endingOf(name)) || IMAGES.has(endingOf(name))),
  'archive-holds-page': ({ seen }) => entry(seen, name => PAGES.has(endingOf(name)), true),
  /** Locked, so that no filter sees into it; the password is in the text. */
  'archive-locked': ({ seen }) => file(seen, ({ archive }) => archive?.encrypted === true),
  'archive-bomb': ({ seen }) => file(seen, ({ archive }) => (archive?.ratio ?? 0) >= 1000),

  'file-is-page': ({ seen }) =>
    file(seen, part => part.role === 'file' && (PAGES.has(endingOf(part.name)) || part.kind === 'html')),
  'file-is-notebook': ({ seen }) => file(seen, part => endingOf(part.name) === 'one' || part.kind === 'onenote'),
  'file-has-macros': ({ seen }) => file(seen, part => part.macros === true),

  'file-name-lies': ({ seen }) => file(seen, has('name-lies')),
  'file-two-endings': ({ seen }) =>
    file(seen, part => has('double-extension')(part) || hasTwoEndings(part.name)) ?? entry(seen, hasTwoEndings),
  'file-ending-hidden': ({ seen }) => file(seen, part => has('spaced-extension')(part) || has('turned-name')(part)),

  /** A file and nothing said about it. */
  'file-alone': facts => {
    const { seen } = facts
    const files = seen.parts.filter(({ role }) => role === 'file')
    if (files.length === 0 || seen.body.trim().length >= 10 || seen.attached.length > 0) return undefined
    return Shape.of(facts).byList ? undefined : files[0]!.name || files[0]!.type
  },
} as const satisfies Record<string, Look>

function file(seen: MessageText, holds: (part: PartFacts) => boolean): string | undefined {
  const found = seen.parts.find(part => (part.role === 'file' || part.role === 'inline') && holds(part))
  return found === undefined ? undefined : found.name || found.type
}

/** A file within an archive; `alone`: only where there is nothing else in it. */
function entry(seen: MessageText, holds: (name: string) => boolean, alone = false): string | undefined {
  for (const { archive, name } of seen.parts) {
    // Office documents and Java programs are archives of another sort: what is in them is not for people to open.
    if (archive === undefined || /\.(?:docx|xlsx|pptx|od[tsp]|jar|apk)$/i.test(name)) continue
    const found = archive.entries.find(({ name: inner }) => holds(inner))
    if (found !== undefined && (!alone || archive.total <= 2)) return `${found.name} in ${name}`
  }
  return undefined
}

function has(oddity: PartOddity): (part: PartFacts) => boolean {
  return ({ odd }) => odd.includes(oddity)
}

/** `invoice.pdf.js`: an ending that is for reading before one that runs. */
function hasTwoEndings(name: string): boolean {
  return (
    /\.(?:pdf|docx?|xlsx?|txt|jpe?g|png|html?|rtf|mp[34])\s{0,200}\.[a-z0-9-]{2,16}$/i.test(name) &&
    RUNS.has(endingOf(name))
  )
}

function endingOf(name: string): string {
  return /\.([a-z0-9-]{1,20})[\s.]{0,20}$/i.exec(name.slice(-60))?.[1]?.toLowerCase() ?? ''
}
