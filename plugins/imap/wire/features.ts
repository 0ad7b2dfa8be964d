/**
 * What one session may do, by the names of capabilities: what it can (done here, and not switched off for the server or the account), and
 * what its client has ENABLEd (RFC 5161). Readers ask it too: an item, a key or an option of a capability that is switched off is read as
 * one nobody knows.
 */

/** The names there are; only what a module of the table stands for is ever on. */
export const CAPABILITY_NAMES = [
  'IMAP4rev1',
  'IMAP4rev2',
  'LITERAL+',
  'LITERAL-',
  'SASL-IR',
  'AUTH=',
  'LOGINDISABLED',
  'STARTTLS',
  'ID',
  'ENABLE',
  'IDLE',
  'NAMESPACE',
  'CHILDREN',
  'UIDPLUS',
  'MOVE',
  'UNSELECT',
  'SPECIAL-USE',
  'CREATE-SPECIAL-USE',
  'LIST-EXTENDED',
  'LIST-STATUS',
  'STATUS=SIZE',
  'ESEARCH',
  'SEARCHRES',
  'WITHIN',
  'CONDSTORE',
  'QRESYNC',
  'BINARY',
  'MULTIAPPEND',
  'REPLACE',
  'APPENDLIMIT',
  'SORT',
  'ESORT',
  'THREAD=ORDEREDSUBJECT',
  'THREAD=REFERENCES',
  'COMPRESS=DEFLATE',
  'QUOTA',
  'OBJECTID',
  'SAVEDATE',
  'PREVIEW',
  'UTF8=ACCEPT',
  'UNAUTHENTICATE',
  'I18NLEVEL=1',
] as const

export type CapabilityName = (typeof CAPABILITY_NAMES)[number]

/** Cannot be switched off: without these there would be no logging in, or none that is safe. */
const FIXED: ReadonlySet<CapabilityName> = new Set(['IMAP4rev1', 'AUTH=', 'LOGINDISABLED', 'STARTTLS'])

/** Those a config or an account may switch off. */
export const SWITCHABLE: readonly CapabilityName[] = CAPABILITY_NAMES.filter(name => !FIXED.has(name))

export interface Features {
  can(name: CapabilityName): boolean
  enabled(name: CapabilityName): boolean
}

/** Names of mailboxes are UTF-8 both ways, not modified UTF-7 (RFC 6855 §3, RFC 9051 §5.1). */
export function speaksUtf8(features: Pick<Features, 'enabled'>): boolean {
  return features.enabled('UTF8=ACCEPT') || features.enabled('IMAP4rev2')
}

/** For tests and tools that read without a session. */
export const EVERY_FEATURE: Features = { can: () => true, enabled: () => false }

/** Of one login. What is enabled stays so until the login ends (RFC 5161 §3.1, RFC 8437 §4.1). */
export class SessionFeatures implements Features {
  private readonly able: ReadonlySet<CapabilityName>
  private readonly on = new Set<CapabilityName>()

  constructor(able: ReadonlySet<CapabilityName>) {
    this.able = able
  }

  can(name: CapabilityName): boolean {
    return this.able.has(name)
  }

  enabled(name: CapabilityName): boolean {
    return this.on.has(name)
  }

  /** Also without ENABLE, where a command does it by the way (RFC 7162 §3.1). */
  enable(name: CapabilityName): void {
    if (this.able.has(name)) this.on.add(name)
  }
}
