/** For whom an address is suppressed: one sender's trouble need not be another's. Pure. */
import type { Address } from 'posthouse/api'

export const SCOPES = ['domain', 'login', 'all'] as const
export type ScopeKind = (typeof SCOPES)[number]

export interface Whose {
  readonly sender: Address | null
  readonly login?: string | undefined
}

/** `domain example.org`, `login alice@example.org`, `all`. Who has not logged in counts by domain. */
export function scopeOf(kind: ScopeKind, { sender, login }: Whose): string {
  if (kind === 'all') return 'all'
  if (kind === 'login' && login !== undefined) return `login ${login.toLowerCase()}`
  return `domain ${sender?.domain.toLowerCase() ?? ''}`.trimEnd()
}
