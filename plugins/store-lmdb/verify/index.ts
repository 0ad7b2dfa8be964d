/** All that is looked at, one after the other, of one moment; and the mending of what was found. */
import type { Database } from 'lmdb'
import type { Box, Boxes } from '../boxes.js'
import type { Environment } from '../environment.js'
import { AFTER_ALL } from '../keys.js'
import { BodyLook } from './bodies.js'
import type { Fault, Seen } from './fault.js'
import { MailboxLook } from './mailboxes.js'
import { Moment } from './moment.js'
import { NameLook } from './names.js'

export type { Fault, Seen } from './fault.js'

/** Databases whose keys begin with the id of a mailbox. */
const OF_MAILBOXES = ['entries', 'history', 'sources'] as const
const OCTETS_OF_MAILBOXES = ['indexHeads', 'indexParts', 'rolls'] as const

type OfMailbox = [boxId: string, ...more: (string | number)[]]

export interface Verification {
  readonly seen: Seen
  faults(): AsyncGenerator<Fault>
  /** Resolves when it is on disk. */
  mend(fault: Fault): Promise<void>
}

export function verification(env: Environment, boxes: Boxes): Verification {
  const seen: Seen = { accounts: 0, mailboxes: 0, messages: 0, bytes: 0, bodies: 0 }
  return {
    seen,
    faults: () => allFaults(env, boxes, seen),
    mend: ({ mend }) => env.write(() => mend?.()),
  }
}

async function* allFaults(env: Environment, boxes: Boxes, seen: Seen): AsyncGenerator<Fault> {
  const names = new NameLook(env, boxes)
  const bodies = new BodyLook(env)
  const leftovers = new Leftovers(env, boxes)
  const moment = new Moment(env)
  try {
    const known = await names.known(moment, seen)
    yield* names.faults(moment, known)
    yield* new MailboxLook(env, boxes, known, seen).faults(moment, bodyId => bodies.refer(bodyId))
    yield* bodies.faults(moment, known, seen)
    yield* leftovers.faults(moment, known)
  } finally {
    moment.end()
  }
}

/** What is left of mailboxes that nobody clears. */
class Leftovers {
  readonly #doomed: Database<number, string>
  readonly #boxes: Boxes
  readonly #databases: readonly (readonly [name: string, db: Database<unknown, OfMailbox>])[]

  constructor(env: Environment, boxes: Boxes) {
    this.#doomed = env.database('doomed')
    this.#boxes = boxes
    const records = OF_MAILBOXES.map(name => [name, env.database<unknown, OfMailbox>(name)] as const)
    this.#databases = [...records, ...OCTETS_OF_MAILBOXES.map(name => [name, env.octets<OfMailbox>(name)] as const)]
  }

  async *faults(moment: Moment, known: ReadonlyMap<string, Box>): AsyncGenerator<Fault> {
    const told = new Set<string>()
    for (const [name, db] of this.#databases) {
      for (
        let [boxId] = moment.first(db) ?? [];
        boxId !== undefined;
        [boxId] = moment.first(db, [boxId, AFTER_ALL]) ?? []
      ) {
        if (known.has(boxId) || told.has(boxId) || moment.get(this.#doomed, boxId) !== undefined) continue
        told.add(boxId)
        const id = boxId
        yield { kind: 'left over', where: `mailbox ${id}`, what: `has ${name} and is gone`, mend: () => this.#doom(id) }
      }
    }
  }

  /** From now on it is cleared as deleted mailboxes are. */
  #doom(boxId: string): void {
    if (this.#boxes.find(boxId) === undefined) this.#doomed.put(boxId, 1)
  }
}
