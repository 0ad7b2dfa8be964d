/** The words of a digest. Pure. */
import type { Page } from './book.js'
import { HEADINGS } from './news.js'

export function digestOf(pages: readonly Page[], name: string): { readonly subject: string; readonly text: string } {
  const total = pages.reduce((sum, { count }) => sum + count, 0)
  const lines = pages.flatMap(page => [...pageLines(page), ''])
  return {
    subject: `${name}: ${total} ${total === 1 ? 'thing' : 'things'} a postmaster should know (${pages.map(({ kind }) => kind).join(', ')})`,
    text: [
      ...lines,
      'What is told, how often and to whom, stands in plugins.yaml, entry postmaster.',
      'Everything of one message: posthouse queue show ID',
      '',
    ].join('\n'),
  }
}

export function pageLines({ kind, count, lines }: Page): readonly string[] {
  const more = count - lines.length
  return [
    `${HEADINGS[kind]} (${kind}): ${count}`,
    ...lines.map(line => `  ${line}`),
    ...(more > 0 ? [`  … and ${more} more`] : []),
  ]
}
