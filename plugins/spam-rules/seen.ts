/** What of a message there was for rules to look at, for people who wonder why one found nothing. */
import { formatSize, printable } from 'posthouse/text'
import type { Facts } from './facts.js'

export interface Seen {
  readonly size: number
  readonly subject: string
  readonly bodyChars: number
  readonly hiddenChars: number
  readonly htmlChars: number
  readonly links: number
  readonly hosts: readonly string[]
  readonly files: readonly { readonly name: string; readonly kind: string; readonly size: number }[]
  readonly broken: readonly string[]
}

const MAX_HOSTS = 10
const MAX_FILES = 20

export function seenIn({ message, seen, links }: Facts): Seen {
  const files = seen.parts.filter(({ role }) => role === 'file' || role === 'inline')
  return {
    size: message.size,
    subject: printable(seen.subject, 200),
    bodyChars: seen.body.length,
    hiddenChars: seen.hidden.length,
    htmlChars: seen.html.length,
    links: links.length,
    hosts: [...new Set(links.map(({ host }) => host))].slice(0, MAX_HOSTS),
    files: files.slice(0, MAX_FILES).map(({ name, kind, size }) => ({ name: printable(name, 100), kind, size })),
    broken: seen.broken.map(sentence => printable(sentence, 200)),
  }
}

export function sentences(seen: Seen): readonly string[] {
  const hidden = seen.hiddenChars === 0 ? '' : `, ${seen.hiddenChars} hidden`
  const html = seen.htmlChars === 0 ? '' : `, from ${seen.htmlChars} of HTML`
  return [
    `seen: "${printable(seen.subject, 80)}", ${formatSize(seen.size)}, ${seen.bodyChars} characters of text${hidden}${html}`,
    ...(seen.links === 0 ? [] : [`links: ${seen.links}, to ${seen.hosts.join(', ')}`]),
    ...seen.files.map(
      ({ name, kind, size }) => `file: ${name === '' ? 'without a name' : name} (${kind}, ${formatSize(size)})`,
    ),
    ...seen.broken.map(sentence => `broken: ${sentence}`),
  ]
}
