/**
 * ENABLE (RFC 5161): what is enabled stands with the capability in the table. Names we do not know are passed over (§3.1), and the answer names
 * those that took effect now.
 */
import { LOGGED_IN, ok } from '../answer.js'
import type { Capability } from '../capability.js'
import { command } from '../command.js'
import type { Session } from '../session.js'
import type { Reader } from '../wire/reader.js'

const MOST = 50

/** Ways of answering that an older client would not understand; what they change is done wherever they are asked for. */
const ENABLED: readonly Capability[] = [
  { name: 'CONDSTORE', enable: { done: tellModseq } },
  // RFC 7162 §3.2.3
  { name: 'QRESYNC', needs: ['CONDSTORE', 'ENABLE'], enable: { also: ['CONDSTORE'], done: tellModseq } },
  { name: 'UTF8=ACCEPT', needs: ['ENABLE'], enable: {} },
]

/** RFC 7162 §3.1: the first command of the kind tells where the selected mailbox stands. */
async function tellModseq(session: Session): Promise<void> {
  if (session.selected) session.sayHighestModseq(session.selected)
}

export const enable = command({
  name: 'ENABLE',
  states: LOGGED_IN,
  expunge: 'yes',
  capabilities: [{ name: 'ENABLE' }, ...ENABLED],
  needs: 'ENABLE',
  read(input: Reader): readonly string[] {
    const names: string[] = []
    do {
      if (names.length >= MOST) input.refuse(`no more than ${MOST} capabilities`)
      input.space()
      names.push(input.atom('a capability').toUpperCase())
    } while (!input.atEnd)
    return names
  },
  async run(session, names) {
    const enabled: string[] = []
    for (const name of names) enabled.push(...(await enableOne(session, name)))
    session.say(['* ENABLED', ...enabled].join(' '))
    return ok(enabled.length > 0 ? 'Enabled' : 'Nothing of that can be enabled')
  },
})

/** The names that were not on before. */
async function enableOne(session: Session, given: string): Promise<readonly string[]> {
  const found = session.deps.capabilities.enabling(given)
  if (!found?.enable) return []
  const { features } = session
  const names = [found.name, ...(found.enable.also ?? [])].filter(name => features.can(name) && !features.enabled(name))
  if (!names.includes(found.name)) return []
  for (const name of names) features.enable(name)
  await found.enable.done?.(session)
  return names
}
