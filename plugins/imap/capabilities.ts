/**
 * The table of capabilities: all that the modules of this server stand for, and what of it is on for a server, an account and a moment.
 * Nothing is announced that no module does. Order is the order of the announcement.
 */
import { closest } from 'posthouse/text'
import type { Standing } from './answer.js'
import type { Capability } from './capability.js'
import { COMMANDS } from './commands/index.js'
import { LITERALS } from './receive.js'
import { type CapabilityName, SessionFeatures, SWITCHABLE } from './wire/features.js'

/** RFC 9051 Appendix E, 2 and 3: what was made part of the protocol. */
const REV2: readonly CapabilityName[] = [
  ...(['NAMESPACE', 'UNSELECT', 'UIDPLUS', 'ESEARCH', 'SEARCHRES', 'ENABLE', 'IDLE', 'SASL-IR'] as const),
  ...(['LIST-EXTENDED', 'LIST-STATUS', 'MOVE', 'SPECIAL-USE', 'STATUS=SIZE', 'BINARY'] as const),
]

const BASE: readonly Capability[] = [
  { name: 'IMAP4rev1' },
  // RFC 9051 Appendix A: announced together, and meant only by who enables it.
  { name: 'IMAP4rev2', needs: REV2, enable: {} },
]

export const CAPABILITIES: readonly Capability[] = [
  ...BASE,
  ...LITERALS,
  ...COMMANDS.flatMap(command => command.capabilities ?? []),
]

export class CapabilityTable {
  private readonly all: readonly Capability[]
  private readonly able: ReadonlySet<CapabilityName>

  /** `disabled` for the whole server. */
  constructor(disabled: readonly CapabilityName[], all: readonly Capability[] = CAPABILITIES) {
    this.all = all
    this.able = this.without(new Set(all.map(({ name }) => name)), disabled)
  }

  /** What a session can; `disabled` for its account. */
  features(disabled: readonly CapabilityName[] = []): SessionFeatures {
    return new SessionFeatures(disabled.length === 0 ? this.able : this.without(this.able, disabled))
  }

  /** A switchable name as we write it, whatever its case; or what may have been meant. */
  named(name: string): { readonly name: CapabilityName } | { readonly meant?: string } {
    const known = SWITCHABLE.find(one => one.toUpperCase() === name.toUpperCase())
    if (known !== undefined) return { name: known }
    const meant = closest(name.toUpperCase(), SWITCHABLE)
    return meant === undefined ? {} : { meant }
  }

  /** What CAPABILITY answers. */
  announced(features: Pick<SessionFeatures, 'can'>, standing: Standing): readonly string[] {
    return this.all
      .filter(one => features.can(one.name) && (one.when?.(standing) ?? true))
      .flatMap(one => one.said?.(standing) ?? [one.name])
  }

  /** The capability ENABLE names, if it can be enabled at all; `name` in any case. */
  enabling(name: string): Capability | undefined {
    const wanted = name.toUpperCase()
    return this.all.find(one => one.enable !== undefined && one.name.toUpperCase() === wanted)
  }

  /** Leaves out what is switched off, and whatever cannot be without it. */
  private without(able: ReadonlySet<CapabilityName>, off: readonly CapabilityName[]): ReadonlySet<CapabilityName> {
    const left = new Set(able)
    for (const name of off) left.delete(name)
    let before: number
    do {
      before = left.size
      for (const { name, needs } of this.all) if (needs?.some(one => !left.has(one))) left.delete(name)
    } while (left.size < before)
    return left
  }
}
