/**
 * Having the running server put itself on the changed configuration now, over the control socket, and hearing what is in force afterwards. What a
 * SIGHUP does, for commands that want to know how it went.
 */
import type { Bus } from '../api/index.js'

const ASK = 'reload'
const TOLD = 'reload-told'

/** The supervisor's side. `reload` resolves when what can be in force is; `isOurs` is asked then. */
export function answerReloadAsked(bus: Bus, reload: () => Promise<void>, isOurs: (domain: string) => boolean): void {
  bus.subscribe(ASK, question => {
    const { id, domain } = JSON.parse(question) as { readonly id: string; readonly domain: string }
    void reload().then(() => bus.publish(TOLD, JSON.stringify({ id, isOurs: isOurs(domain) })))
  })
}

/** Whether the domain is one of the server's afterwards; `undefined`: nobody answered in time. */
export function askForReload(bus: Bus, id: string, domain: string, withinMs: number): Promise<boolean | undefined> {
  return new Promise(resolve => {
    const end = (isOurs: boolean | undefined) => {
      clearTimeout(timer)
      leave()
      resolve(isOurs)
    }
    const timer = setTimeout(() => end(undefined), withinMs)
    const leave = bus.subscribe(TOLD, payload => {
      const told = JSON.parse(payload) as { readonly id: string; readonly isOurs: boolean }
      if (told.id === id) end(told.isOurs)
    })
    bus.publish(ASK, JSON.stringify({ id, domain }))
  })
}
