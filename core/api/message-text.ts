/**
 * A message as a reader sees it, and what is in it that no reader sees. Made once, when first asked for; bounded in size and time: of
 * very long text the beginning and the end are there, and what was left out is said in `broken`. Nothing is fetched, opened or unpacked.
 */
import type {
  ArchiveEntry,
  ArchiveFacts,
  ContentKind,
  HtmlFacts,
  HtmlForm,
  PartFacts,
  PartOddity,
  Veil,
} from '../text/index.js'

export type { ArchiveEntry, ArchiveFacts, ContentKind, HtmlFacts, HtmlForm, PartFacts, PartOddity, Veil }

export interface MessageText {
  readonly subject: string
  /** Plain text parts and HTML parts turned to text, in order; without what is hidden. */
  readonly body: string
  /** Text of HTML parts that is there and cannot be seen. */
  readonly hidden: string
  /** Markup of the HTML parts. */
  readonly html: string
  readonly htmlFacts: HtmlFacts
  readonly links: readonly { readonly href: string; readonly text: string }[]
  /** Text of files that hold text (HTML, plain, SVG), which are a click away from being read; '' mostly. */
  readonly attached: string
  /** What the pages among them hold beside text; left out when there is none. */
  readonly attachedFacts?: HtmlFacts
  /** Links of these. */
  readonly attachedLinks: readonly { readonly href: string; readonly text: string }[]
  /** Files and pictures. The same and more is in `parts`. */
  readonly attachments: readonly { readonly name: string; readonly type: string; readonly size: number }[]
  /** Every part, the whole first, in order; the first some hundred. */
  readonly parts: readonly PartFacts[]
  /** Sentences: what is wrong with the message, and what was not looked at. */
  readonly broken: readonly string[]
}
