/**
 * The owner of one account, who gets mail, moves it, and takes it away by POP3 and IMAP while the server is killed, and knows at every moment what must be
 * there. What nobody answered has happened or has not, and nothing in between: the next look decides which.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Gone } from './incoming.js'
import { among, type Chance } from './letters.js'
import { Talk } from './talk.js'
import { Wire } from './wire.js'

export interface OwnerOptions {
  readonly login: string
  readonly password: string
  readonly ports: { readonly lmtp: number; readonly pop3: number; readonly imap: number }
  /** By which the server greets. */
  readonly name: string
  readonly chance: Chance
}

/** Letters by number, in each mailbox. */
type State = Readonly<Record<Place, ReadonlySet<number>>>
type Place = 'INBOX' | 'Archive'

/** What it may be after a step. */
interface Step {
  readonly what: string
  readonly may: readonly State[]
}

const FEW = 5
const MANY = 40
/** Much more than any server needs to come back. */
const TRIES = 3000

export class Owner {
  readonly faults: string[] = []
  /** Steps that were answered, and those of which nobody heard. */
  steps = 0
  unheard = 0
  readonly #options: OwnerOptions
  readonly #running: Promise<void>
  #state: State = { INBOX: new Set(), Archive: new Set() }
  #letters = 0
  #stopping = false

  constructor(options: OwnerOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  /** Resolves when the last step was looked at. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopping && this.faults.length === 0) {
      const { what, may } = await this.#step()
      this.#state = may[0]!
      if (may.length === 1) this.steps++
      else this.unheard++
      // Answered steps are looked at now and then, too.
      if (may.length > 1 || this.#options.chance() < 0.2) await this.#look(what, may)
    }
  }

  #step(): Promise<Step> {
    const { chance } = this.#options
    const { INBOX, Archive } = this.#state
    if (INBOX.size < FEW || (INBOX.size < MANY && chance() < 0.4)) return this.#deliver()
    const dice = chance()
    if (dice < 0.35) return this.#move(some(INBOX, chance))
    if (dice < 0.6) return this.#fetch(some(INBOX, chance), true)
    if (dice < 0.75) return this.#fetch(some(INBOX, chance), false)
    return Archive.size > 0 ? this.#expunge(some(Archive, chance)) : this.#move(some(INBOX, chance))
  }

  async #deliver(): Promise<Step> {
    const { ports, name, login } = this.#options
    const n = ++this.#letters
    const after = { ...this.#state, INBOX: new Set([...this.#state.INBOX, n]) }
    return this.#attempt(`delivery of ${n}`, after, async begun => {
      const talk = await Talk.open(ports.lmtp, 'LHLO', name)
      try {
        const codes = [await talk.ask('MAIL FROM:<>'), await talk.ask(`RCPT TO:<${login}>`), await talk.ask('DATA')]
        if (codes.join() !== '250,250,354') throw new Gone(codes.join())
        begun()
        if ((await talk.ask(`Subject: letter ${n}\r\n\r\n${'x'.repeat(n % 900)}\r\n.`)) !== 250)
          throw new Gone('put off')
      } finally {
        talk.cut()
      }
    })
  }

  async #move(letters: ReadonlySet<number>): Promise<Step> {
    const { INBOX, Archive } = this.#state
    const after = { INBOX: without(INBOX, letters), Archive: new Set([...Archive, ...letters]) }
    return this.#attempt(`MOVE of ${[...letters]}`, after, async begun => {
      await this.#inside('INBOX', async (wire, uids) => {
        begun()
        await wire.imap(`UID MOVE ${uidsOf(uids, letters)} Archive`)
      })
    })
  }

  async #expunge(letters: ReadonlySet<number>): Promise<Step> {
    const after = { ...this.#state, Archive: without(this.#state.Archive, letters) }
    return this.#attempt(`EXPUNGE of ${[...letters]}`, after, async begun => {
      await this.#inside('Archive', async (wire, uids) => {
        await wire.imap(`UID STORE ${uidsOf(uids, letters)} +FLAGS.SILENT (\\Deleted)`)
        begun()
        await wire.imap(`UID EXPUNGE ${uidsOf(uids, letters)}`)
      })
    })
  }

  /** By POP3. Who does not say QUIT has taken nothing (RFC 1939 §6). */
  async #fetch(letters: ReadonlySet<number>, quit: boolean): Promise<Step> {
    const { ports, login, password } = this.#options
    const after = quit ? { ...this.#state, INBOX: without(this.#state.INBOX, letters) } : this.#state
    return this.#attempt(`${quit ? 'QUIT' : 'no QUIT'} after DELE of ${[...letters]}`, after, async begun => {
      const wire = await Wire.open(ports.pop3)
      try {
        await wire.pop(`USER ${login}`)
        await wire.pop(`PASS ${password}`)
        const [, count] = (await wire.pop('STAT')).split(' ')
        for (let number = 1; number <= Number(count); number++) {
          const n = Number(/^Subject: letter (\d+)/m.exec(await wire.popLines(`TOP ${number} 0`))?.[1])
          if (letters.has(n)) await wire.pop(`DELE ${number}`)
        }
        if (!quit) return
        begun()
        await wire.pop('QUIT')
      } finally {
        wire.cut()
      }
    })
  }

  /** Until it was begun at least; what was begun and not answered may have happened. */
  async #attempt(what: string, after: State, work: (begun: () => void) => Promise<void>): Promise<Step> {
    const before = this.#state
    for (let tries = 0; tries < TRIES; tries++) {
      let begun = false
      try {
        await work(() => {
          begun = true
        })
        return { what, may: [after] }
      } catch (error) {
        if (!(error instanceof Gone)) throw error
        if (begun) return { what, may: [before, after] }
        await sleep(50)
      }
    }
    throw new Error(`${what}: the server did not come back`)
  }

  async #look(what: string, may: readonly State[]): Promise<void> {
    const seen = await this.#seen()
    const found = may.find(state => textOf(state) === seen)
    if (found === undefined)
      this.faults.push(`${this.#options.login}, ${what}: ${seen} and not ${may.map(textOf).join(' or ')}`)
    else this.#state = found
  }

  async #seen(): Promise<string> {
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        const places: string[] = []
        for (const place of ['INBOX', 'Archive'] as const)
          await this.#inside(place, async (_, uids) => {
            places.push([...uids.values()].sort((a, b) => a - b).join())
          })
        return places.join(' | ')
      } catch (error) {
        if (!(error instanceof Gone)) throw error
        await sleep(50)
      }
    }
    throw new Error('the server did not come back')
  }

  /** With the letters of a mailbox by UID. */
  async #inside(place: Place, work: (wire: Wire, uids: ReadonlyMap<number, number>) => Promise<void>): Promise<void> {
    const { ports, login, password } = this.#options
    const wire = await Wire.open(ports.imap)
    try {
      await wire.imap(`LOGIN ${login} "${password}"`)
      const { 1: exists } = /\* (\d+) EXISTS/.exec(await wire.imap(`SELECT ${place}`)) ?? []
      const listed = exists === '0' ? '' : await wire.imap('UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])')
      const lines = listed.matchAll(/UID (\d+).*?Subject: letter (\d+)/gs)
      await work(wire, new Map([...lines].map(([, uid, n]) => [Number(uid), Number(n)])))
    } finally {
      wire.cut()
    }
  }
}

function some(letters: ReadonlySet<number>, chance: Chance): ReadonlySet<number> {
  const all = [...letters]
  return new Set(Array.from({ length: 1 + Math.floor(chance() * 6) }, () => among(all, chance)))
}

function without(letters: ReadonlySet<number>, gone: ReadonlySet<number>): ReadonlySet<number> {
  return new Set([...letters].filter(n => !gone.has(n)))
}

function uidsOf(uids: ReadonlyMap<number, number>, letters: ReadonlySet<number>): string {
  return [...uids].flatMap(([uid, n]) => (letters.has(n) ? [uid] : [])).join()
}

function textOf({ INBOX, Archive }: State): string {
  const sorted = (letters: ReadonlySet<number>) => [...letters].sort((a, b) => a - b).join()
  return `${sorted(INBOX)} | ${sorted(Archive)}`
}
