/**
 * What `posthouse init` writes: the files in `templates/` with another domain, other ports and a data directory within. `config/` holds the
 * same files (a test proves it), so what people try out is what they get; people change `config/`, so it is no template itself. Pure.
 */
export interface TemplateWish {
  readonly domain: string
  /** Ports are this plus the well-known ones: 25, 587, 465, 24, 110, 995, 143, 993. */
  readonly basePort: number
  readonly data: string
  readonly demo: boolean
}

export const SHIPPED: TemplateWish = { domain: 'example.test', basePort: 10_000, data: '../data', demo: true }

export function fillTemplate(text: string, wish: TemplateWish): string {
  return text
    .replaceAll(/\bexample\.test\b/g, wish.domain)
    .replaceAll(/\b127\.0\.0\.1:10(\d{3})\b/g, (_, offset: string) => `127.0.0.1:${wish.basePort + Number(offset)}`)
    .replace(/^data: \.\.\/data$/m, `data: ${wish.data}`)
    .replace(/^( +)demo: true$/m, `$1demo: ${wish.demo}`)
}

/** Above this, the highest port would not be one. */
export const MAX_BASE_PORT = 65_535 - 995
