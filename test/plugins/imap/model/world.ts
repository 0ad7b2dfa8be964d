/**
 * Several clients on the same mailboxes, by one seed: the same steps one after the other (then what fails is made small), or all clients at once.
 * When all are quiet, each must hold the mailbox as a client that has just come sees it.
 */
import assert from 'node:assert/strict'
import type { Client } from '../rig.js'
import { flagsOf } from './believer.js'
import { KINDS, type Step, take } from './moves.js'
import { type Ground, Player } from './player.js'

export interface Place {
  connect(player: number): Promise<Client>
  deliver(mailbox: string, by: number): Promise<void>
  end(): Promise<void>
}

export interface Plan {
  readonly seed: number
  readonly players: number
  readonly rounds: number
  /** Of each player in each round. */
  readonly steps: number
  readonly together: boolean
}

/** mulberry32: small, and the same everywhere. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

export function stepsOf({ seed, players, rounds, steps }: Plan): readonly (readonly Step[])[] {
  const random = randomOf(seed)
  return Array.from({ length: rounds }, () =>
    Array.from({ length: players * steps }, (): Step => {
      const kind = KINDS[random() % KINDS.length]!
      return { player: random() % players, kind, by: [random(), random(), random(), random()] }
    }),
  )
}

export class World implements Ground {
  readonly trace: string[] = []
  private readonly place: Place
  private readonly players: readonly Player[]
  private readonly together: boolean
  private readonly agreed = new Map<string, string>()
  private readonly told = new Set<string>()
  private observer: Client | undefined

  constructor(place: Place, { players, together }: Pick<Plan, 'players' | 'together'>) {
    this.place = place
    this.together = together
    this.players = Array.from({ length: players }, (_, number) => new Player(number, this))
  }

  async play(rounds: readonly (readonly Step[])[]): Promise<void> {
    try {
      for (const steps of rounds) {
        if (this.together) await Promise.all(this.players.map(player => this.playOne(player, steps)))
        else for (const step of steps) await take(this.players[step.player]!, step)
        for (const player of this.players) await player.leftAlone()
        for (const player of this.players) await player.quiet()
        await this.compare()
      }
    } finally {
      for (const player of this.players) player.hangUp()
      this.observer?.close()
    }
  }

  private async playOne(player: Player, steps: readonly Step[]): Promise<void> {
    for (const step of steps) if (step.player === player.number) await take(player, step)
  }

  // ── what players share ──

  connect(player: number): Promise<Client> {
    return this.place.connect(player)
  }

  deliver(mailbox: string, by: number): Promise<void> {
    this.log(`a message is delivered to ${mailbox}`)
    return this.place.deliver(mailbox, by)
  }

  agree(what: string, key: string, value: string): void {
    const known = this.agreed.get(`${what} ${key}`) ?? value
    assert.equal(value, known, `the ${what} ${key} is ${value} and was ${known}`)
    this.agreed.set(`${what} ${key}`, value)
  }

  gone(mailboxId: string): void {
    this.told.add(mailboxId)
  }

  log(line: string): void {
    this.trace.push(line.replaceAll('\r\n', '␍'))
  }

  // ── what is true ──

  private async compare(): Promise<void> {
    const names = await this.names()
    for (const id of this.told) assert.ok(!names.has(id), 'a mailbox that is there was told to be deleted')
    for (const { believer, number } of this.players) {
      if (!believer.selected) continue
      const name = names.get(believer.mailboxId)
      assert.ok(name !== undefined, `player ${number} is in a mailbox that is not there`)
      const { highest, messages } = await this.truth(name)
      const who = `player ${number} in ${name}`
      assert.equal(believer.slots.length, messages.length, `${who}: so many messages`)
      assert.ok(believer.modseq <= highest, `${who}: HIGHESTMODSEQ`)
      for (const [at, { uid, flags, modseq }] of messages.entries()) {
        const slot = believer.slots[at]!
        if (slot.uid !== undefined) assert.equal(slot.uid, uid, `${who}: UID of ${at + 1}`)
        if (slot.flags !== undefined) assert.equal(slot.flags, flags, `${who}: flags of ${at + 1}`)
        if (slot.modseq !== undefined && believer.aware)
          assert.equal(slot.modseq, modseq, `${who}: MODSEQ of ${at + 1}`)
      }
    }
  }

  /** By id. */
  private async names(): Promise<Map<string, string>> {
    this.observer ??= await this.place.connect(0)
    const lines = await this.observer.ok('LIST "" "*" RETURN (STATUS (MAILBOXID))', 60_000)
    const found = lines.map(line => /^\* STATUS "([^"]*)" \(MAILBOXID \(([^)]+)\)\)/.exec(line) ?? [])
    return new Map(found.filter(([all]) => all).map(([, name, id]) => [id!, name!]))
  }

  private async truth(name: string) {
    const observer = this.observer!
    const told = (await observer.ok(`EXAMINE "${name}" (CONDSTORE)`, 60_000)).join('\n')
    const lines = await observer.ok('FETCH 1:* (UID FLAGS MODSEQ EMAILID)', 60_000)
    // It must not be in a mailbox that a player deletes.
    await observer.ok('UNSELECT')
    const validity = /UIDVALIDITY (\d+)/.exec(told)![1]
    const messages = lines.flatMap(line => {
      const [, uid, flags, modseq, id] =
        /\(UID (\d+) FLAGS \(([^)]*)\) MODSEQ \((\d+)\) EMAILID \(([^)]+)\)\)$/.exec(line) ?? []
      if (uid === undefined) return []
      this.agree('message', `${validity}/${uid}`, id!)
      return [{ uid: Number(uid), flags: flagsOf(flags!), modseq: Number(modseq) }]
    })
    return { highest: Number(/HIGHESTMODSEQ (\d+)/.exec(told)![1]), messages }
  }
}

export interface Failure {
  readonly error: unknown
  readonly trace: readonly string[]
}

/** Plays it; resolves to what went wrong. */
export async function playPlan(
  make: () => Promise<Place>,
  plan: Plan,
  rounds: readonly (readonly Step[])[] = stepsOf(plan),
): Promise<Failure | undefined> {
  const place = await make()
  const world = new World(place, plan)
  try {
    await world.play(rounds)
    return undefined
  } catch (error) {
    return { error, trace: world.trace }
  } finally {
    await place.end()
  }
}

/** Leaves out steps as long as it still fails, halves first; only for steps one after the other. */
export async function shrink(make: () => Promise<Place>, plan: Plan, failure: Failure, tries = 150): Promise<Failure> {
  let steps = stepsOf(plan).flat()
  let found = failure
  let left = tries
  for (let size = Math.ceil(steps.length / 2); size >= 1 && left > 0; size = size > 1 ? Math.ceil(size / 2) : 0) {
    for (let at = 0; at < steps.length && left > 0; left--) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + size)]
      const again = await playPlan(make, plan, [fewer])
      if (again) {
        steps = fewer
        found = again
      } else at += size
    }
  }
  return found
}

export function report(plan: Plan, { error, trace }: Failure): string {
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return `seed ${plan.seed}, ${JSON.stringify(plan)}\n${trace.slice(-200).join('\n')}\n${what}`
}
