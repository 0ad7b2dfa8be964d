/**
 * What is known of one part of a message: what it says of itself, and what it is by its content. Types only; part-look.ts finds them.
 * Rules and the classifier read them, so the words here are stable: a new kind or oddity is added, none is renamed.
 */

/** By content (the first octets), whatever type and name say. */
export type ContentKind =
  | 'empty'
  | 'text'
  | 'html'
  | 'xml'
  | 'svg'
  | 'rtf'
  | 'calendar'
  | 'vcard'
  | 'script'
  | 'message'
  | 'multipart'
  | 'pdf'
  | 'postscript'
  | 'image'
  | 'audio'
  | 'video'
  | 'font'
  | 'zip'
  | '7z'
  | 'rar'
  | 'gzip'
  | 'bzip2'
  | 'xz'
  | 'zstd'
  | 'tar'
  | 'cab'
  | 'arj'
  | 'ace'
  | 'lzh'
  /** Disk images, which mail programs open like folders. */
  | 'disk-image'
  /** Word, Excel and PowerPoint of before 2007, and whatever else uses their container. */
  | 'ole'
  /** Their successors, .docx and so on. */
  | 'ooxml'
  | 'opendocument'
  | 'onenote'
  | 'msi'
  | 'jar'
  | 'apk'
  | 'java-class'
  /** Programs of Windows, of Linux and of macOS. */
  | 'exe'
  | 'elf'
  | 'mach-o'
  /** A Windows shortcut: runs what it names. */
  | 'shortcut'
  | 'help'
  /** winmail.dat of Outlook: a container that only Outlook opens. */
  | 'tnef'
  | 'pgp'
  | 'smime'
  | 'unknown'

/** What is strange about a part. None of it is proof of anything: honest programs do most of it now and then. */
export type PartOddity =
  /** The content is of another sort than the type says, or than the name's ending says. */
  | 'type-lies'
  | 'name-lies'
  /** `invoice.pdf.exe`, and the same with many spaces in front of the last ending. */
  | 'double-extension'
  | 'spaced-extension'
  /** A character in the name turns the direction of writing, so that it reads backwards. */
  | 'turned-name'
  /** Content-Type and Content-Disposition give different names. */
  | 'names-differ'
  /** The octets are not of the charset that is named, or nobody knows such a charset. */
  | 'charset-lies'
  | 'charset-unknown'
  /** Not what the encoding allows, or nobody knows such an encoding. */
  | 'encoding-broken'
  | 'encoding-unknown'
  /** Base64 for text that has no need of it. */
  | 'encoding-needless'
  | 'type-broken'
  /** A multipart without boundary, without parts, or without end. */
  | 'no-boundary'
  | 'no-parts'
  | 'no-end'
  /** Markup that is called plain text, or a file; plain text that is called HTML. */
  | 'html-as-text'
  | 'text-as-html'

export interface ArchiveEntry {
  /** With folders, `/` between; sanitised and cut. */
  readonly name: string
  /** Octets unpacked, as its directory says; left out when it does not. */
  readonly size?: number
  readonly encrypted: boolean
}

/** By its own directory; nothing is unpacked. */
export interface ArchiveFacts {
  /** The first some hundred. */
  readonly entries: readonly ArchiveEntry[]
  /** How many its directory says there are. */
  readonly total: number
  /** Some of it opens only with a password. */
  readonly encrypted: boolean
  /** The directory itself is packed, encrypted or broken: `entries` does not say what is in it. */
  readonly closed: boolean
  /** Unpacked octets for one packed, as the directory says: a thousand is a bomb. Left out when unknown. */
  readonly ratio?: number
}

export interface PartFacts {
  /** IMAP's number: `1.2`; '' for the whole. */
  readonly path: string
  /** 0 for the whole. */
  readonly depth: number
  /** What it is for: read with the message, a file beside it, a picture of the text, a container, or a message inside. */
  readonly role: 'body' | 'file' | 'inline' | 'multipart' | 'message'
  /** As said, lower case: `text/plain`. */
  readonly type: string
  readonly kind: ContentKind
  /** As said, lower case; '' when nothing is said. `found` is what it was read as, for text. */
  readonly charset: string
  readonly charsetFound?: string
  readonly encoding: string
  /** `attachment`, `inline`, or ''. */
  readonly disposition: string
  /** Name of the file; ''. */
  readonly name: string
  /** Decoded octets; of long base64 reckoned, not counted. */
  readonly size: number
  readonly archive?: ArchiveFacts
  /** An office document: it holds macros, or it does not. Left out for other kinds and when it cannot be told. */
  readonly macros?: boolean
  readonly odd: readonly PartOddity[]
}
