import type { Finding, ReverseName, Session, State } from '../../../core/api/index.js'
import { aMessage, anEnvelope, aSession, rememberingLog, setUp } from '../../../core/testing/index.js'
import plugin from '../../../plugins/origin/index.js'

export const NOW = Date.UTC(2026, 4, 20, 12)
export const DAY = 86_400_000
const DATE = 'Date: Wed, 20 May 2026 12:00:00 +0000'
const HONEST = `From: Carol <carol@first.org>\n${DATE}\nSubject: x\n\nhello\n`

export interface Wish {
  readonly text?: string
  readonly helo?: string
  readonly ip?: string
  readonly reverse?: ReverseName | string
  readonly sender?: string | null
  readonly config?: object
  readonly session?: Partial<Session>
  readonly state?: State
  readonly now?: number
}

export async function asked(wish: Wish = {}) {
  const { text = HONEST, helo = 'mail.first.org', ip = '198.51.100.7', sender = 'first.org', now = NOW } = wish
  const reverse = wish.reverse ?? 'mail.first.org'
  const log = rememberingLog()
  const { hooks, call, contribution } = await setUp(plugin, {
    ...{ config: wish.config ?? {}, now: () => now, log },
    ...(wish.state !== undefined && { state: wish.state }),
  })
  const all = {
    session: aSession({
      ...{ helo, remote: { address: ip, port: 1 } },
      reverse: async () => (typeof reverse === 'string' ? { kind: 'confirmed', name: reverse } : reverse),
      ...wish.session,
    }),
    envelope: anEnvelope({ sender: sender === null ? null : { local: 'carol', domain: sender } }),
    message: aMessage(text),
  }
  const findings = [(await hooks.score!(all, { ...call, log })) ?? []].flat() as Finding[]
  const facts = await contribution.services!.origin!.found(all, call)
  // What was seen is in the state once the process has gone, at the latest.
  await contribution.dispose?.()
  return { findings, names: findings.map(({ name }) => name), facts, log }
}

export const mail = (more: string, body = 'hello') => `${DATE}\nSubject: x\n${more}\n\n${body}\n`
export const hop = (from: string, by: string, at = 'Wed, 20 May 2026 11:59:00 +0000') =>
  `Received: ${from} by ${by} with ESMTP; ${at}`
export const FROM = 'From: Carol <carol@first.org>'
export const DYNAMIC = 'dyn-198-51-100-7.isp.org'
