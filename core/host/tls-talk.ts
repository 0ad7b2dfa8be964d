/**
 * Asking the running server to look at its certificates now, over the control socket: whoever has put a new one in place asks, the
 * supervisor looks and answers. Without an answer nobody knows more than that the next look is half a minute away.
 */
import type { Bus } from '../api/index.js'
import type { Look } from './certificates.js'

const ASK = 'tls'
const TOLD = 'tls-told'
const MAX_TROUBLES = 20

export interface TlsTold {
  readonly changed: boolean
  readonly certificates: number
  readonly troubles: readonly string[]
}

/** The supervisor's side. The payload of a question is an id, which may be empty when nobody waits for the answer. */
export function answerTlsAsked(bus: Bus, look: () => Promise<Look>): void {
  bus.subscribe(ASK, id => {
    void look().then(({ changed, pairs, troubles }) => {
      const told: TlsTold = { changed, certificates: pairs.length, troubles: troubles.slice(0, MAX_TROUBLES) }
      if (id !== '') bus.publish(TOLD, JSON.stringify({ id: id.slice(0, 64), ...told }))
    })
  })
}

/** `undefined`: nobody answered in time. */
export function askForLook(bus: Bus, id: string, withinMs: number): Promise<TlsTold | undefined> {
  return new Promise(resolve => {
    const end = (told: TlsTold | undefined) => {
      clearTimeout(timer)
      leave()
      resolve(told)
    }
    const timer = setTimeout(() => end(undefined), withinMs)
    const leave = bus.subscribe(TOLD, payload => {
      const { id: of, ...told } = JSON.parse(payload) as TlsTold & { readonly id: string }
      if (of === id) end(told)
    })
    bus.publish(ASK, id)
  })
}
