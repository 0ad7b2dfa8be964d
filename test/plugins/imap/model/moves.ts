/**
 * What a client may do, told by numbers: each step says what kind of command it is and how the rest is chosen, so that the same steps do the same
 * again, also when some of them are left out.
 */
import { formatSet } from '../../../../plugins/imap/wire/set.js'
import { flagsOf, type Slot } from './believer.js'
import type { Player } from './player.js'

type Move = (player: Player, a: number, b: number, c: number) => Promise<unknown>

/** Some more often than others: where nobody meets, nothing is to be seen. */
const NAMES = ['INBOX', 'A', 'INBOX', 'B', 'INBOX', 'A', 'A/C']
const FLAGS = ['\\Seen', '\\Deleted', '\\Deleted', '\\Flagged', '\\Answered', '$Junk', 'k1', 'k2']
const MESSAGE = 'Subject: x\r\n\r\nx\r\n'

const pick = <T>(list: readonly T[], by: number): T => list[by % list.length]!
const inSelected =
  (move: Move): Move =>
  async (player, a, b, c) =>
    player.believer.selected ? move(player, a, b, c) : select(player, a, b, c)

const select: Move = (player, a, b) =>
  player.open(pick(NAMES, a), b % 4 === 0, b % 5 === 0 && !player.believer.aware ? ' (CONDSTORE)' : '')

const MOVES = {
  select,
  back: async (player, a, b, c) => (await player.openAgain(a, b, c)) || select(player, a, b, c),
  close: inSelected((player, a) => player.leaveBy(a % 2 === 0 ? 'CLOSE' : 'UNSELECT')),
  drop: async (player, a, b) => {
    if (a % 2 === 0 || !player.believer.selected) player.hangUp()
    else
      player.sayAndLeave(
        pick(['EXPUNGE', 'STORE 1:* +FLAGS (\\Deleted)', 'MOVE 1 B', 'STORE 1:* -FLAGS.SILENT (k1)'], b),
      )
  },
  /** The connection breaks right after a command whose answer may not tell of removals. */
  lose: inSelected(async (player, a, b, c) => {
    await pick([store, conditional, fetchAll, fetchAll], a)(player, 1, b, c)
    player.hangUp()
    await player.ready(1)
    await player.openAgain(0, b, c)
  }),
  enable: (player, a) => player.say(`ENABLE ${pick(['CONDSTORE', 'QRESYNC'], a)}`, { name: 'ENABLE' }),
  status: async (player, a) => {
    const answer = await player.say(`STATUS ${pick(NAMES, a)} (MESSAGES UIDNEXT UNSEEN HIGHESTMODSEQ)`, {
      name: 'STATUS',
    })
    if (answer?.startsWith('OK')) player.believer.aware = true
  },
  create: (player, a) => player.say(`CREATE ${pick(NAMES, a)}`, { name: 'CREATE' }),
  delete: async (player, a, b) => {
    // Not so often that nobody is ever anywhere.
    if (b % 3 > 0) return
    const { believer } = player
    const before = believer.mailboxId
    const answer = await player.say(`DELETE ${pick(NAMES, a)}`, { name: 'DELETE' })
    if (answer?.startsWith('OK') && believer.selected && before !== '') await ownMailboxGone(player)
  },
  rename: (player, a, b) => player.say(`RENAME ${pick(NAMES, a)} ${pick(NAMES, b)}`, { name: 'RENAME' }),
  fetch: inSelected((player, a, b, c) => {
    const items = pick([['FLAGS'], ['UID', 'FLAGS'], ['UID', 'FLAGS', 'MODSEQ'], ['MODSEQ'], ['UID', 'RFC822.SIZE']], b)
    return fetch(player, a, c, items)
  }),
  seen: inSelected((player, a, _, c) => fetch(player, a, c, ['BODY[]'])),
  changed: inSelected((player, a, b, c) => {
    const { believer } = player
    const vanished = believer.qresync && a % 2 === 0
    const since = pick([believer.modseq, 1, ...believer.slots.flatMap(slot => slot.modseq ?? [])], b)
    if (vanished) return fetch(player, 1, c, ['FLAGS', 'VANISHED'], ` (CHANGEDSINCE ${since} VANISHED)`)
    return fetch(player, a, c, ['FLAGS'], ` (CHANGEDSINCE ${since})`)
  }),
  search: inSelected((player, a, b) => {
    const uid = a % 2 === 0
    return player.say(`${uid ? 'UID ' : ''}SEARCH ${pick(['ALL', 'DELETED', 'UNSEEN'], b)}`, { name: 'SEARCH', uid })
  }),
  noop: player => player.say('NOOP', { name: 'NOOP' }),
  check: inSelected(player => player.say('CHECK', { name: 'CHECK' })),
  idle: player => player.idle(),
  store: inSelected(store),
  conditional: inSelected(conditional),
  expunge: inSelected(player => player.say('EXPUNGE', { name: 'EXPUNGE' })),
  uidExpunge: inSelected((player, _, b) =>
    player.say(`UID EXPUNGE ${uidSet(player, b).text}`, { name: 'EXPUNGE', uid: true }),
  ),
  append: (player, a, b) => {
    const flags = b % 2 === 0 ? `(${pick(FLAGS, b >>> 1)}) ` : ''
    return player.say(`APPEND ${pick(NAMES, a)} ${flags}{${MESSAGE.length}+}\r\n${MESSAGE}`, { name: 'APPEND' })
  },
  deliver: (player, a, b) => player.ground.deliver(pick(NAMES.slice(0, 2), a), b),
  copy: inSelected((player, a, b, c) => transfer(player, 'COPY', a, b, c)),
  move: inSelected((player, a, b, c) => transfer(player, 'MOVE', a, b, c)),
  ids: inSelected(player => player.say('UID FETCH 1:* (EMAILID)', { name: 'FETCH', uid: true, wants: ['EMAILID'] })),
} satisfies Record<string, Move>

export type Kind = keyof typeof MOVES

export interface Step {
  readonly player: number
  readonly kind: Kind
  readonly by: readonly [number, number, number, number]
}

/** How often each is done. */
const OFTEN: Readonly<Partial<Record<Kind, number>>> = {
  ...{
    select: 2,
    back: 2,
    lose: 3,
    drop: 2,
    fetch: 3,
    changed: 2,
    noop: 2,
    store: 5,
    conditional: 2,
    expunge: 2,
    append: 3,
    deliver: 3,
    move: 2,
  },
}

export const KINDS: readonly Kind[] = (Object.keys(MOVES) as Kind[]).flatMap(kind => Array(OFTEN[kind] ?? 1).fill(kind))

export async function take(player: Player, { kind, by: [a, b, c, d] }: Step): Promise<void> {
  await player.ready(d)
  if (player.connected) await MOVES[kind](player, a, b, c)
}

/** Who deletes the mailbox it is in is in none then, without a word. */
async function ownMailboxGone(player: Player): Promise<void> {
  const answer = await player.say('FETCH 1:* (UID)', { name: 'FETCH', wants: ['UID'] }, true)
  if (answer?.startsWith('BAD')) player.believer.leave()
}

// ── sets ──

interface Chosen {
  readonly text: string
  readonly slots: readonly Slot[]
}

function sequenceSet({ believer: { slots } }: Player, by: number): Chosen {
  if (slots.length === 0 || by % 5 === 0) return { text: '1:*', slots }
  const from = (by >>> 3) % slots.length
  const to = by % 3 === 0 ? Math.min(slots.length - 1, from + ((by >>> 8) % 4)) : from
  return { text: from === to ? `${from + 1}` : `${to + 1}:${from + 1}`, slots: slots.slice(from, to + 1) }
}

function uidSet({ believer }: Player, by: number): Chosen {
  const known = believer.slots.filter(slot => slot.uid !== undefined)
  if (known.length === 0) return { text: `${1 + (by % 9)}`, slots: [] }
  const slots = known.filter((_, at) => by % 3 === 0 || (by >>> (at % 16)) % 3 === 0)
  if (slots.length === 0) return { text: `${known[0]!.uid}`, slots: known.slice(0, 1) }
  return { text: formatSet(slots.map(slot => slot.uid!)), slots }
}

function chosen(player: Player, uid: boolean, by: number): Chosen {
  return uid ? uidSet(player, by) : sequenceSet(player, by)
}

// ── commands ──

async function fetch(player: Player, a: number, c: number, items: readonly string[], more = ''): Promise<void> {
  const uid = a % 2 === 1
  const { text } = chosen(player, uid, c)
  const asked = items.filter(item => item !== 'VANISHED')
  const follows = more !== '' || items.includes('MODSEQ')
  if (follows) player.believer.aware = true
  await player.say(`${uid ? 'UID ' : ''}FETCH ${text} (${asked.join(' ')})${more}`, {
    name: 'FETCH',
    uid,
    wants: items,
  })
}

const fetchAll: Move = (player, _, b) =>
  fetch(player, 0, 0, pick([['MODSEQ'], ['UID', 'FLAGS', 'MODSEQ'], ['BODY[]']], b))

async function store(player: Player, a: number, b: number, c: number): Promise<void> {
  const uid = a % 2 === 0
  const silent = a % 3 === 0
  const sign = pick(['+', '+', '-', ''], b)
  const flags = pick(FLAGS, b >>> 2)
  const { text, slots } = chosen(player, uid, c)
  if (silent) for (const slot of slots) assume(slot, sign, flags)
  const command = `${uid ? 'UID ' : ''}STORE ${text} ${sign}FLAGS${silent ? '.SILENT' : ''} (${flags})`
  const before = silent ? [...slots] : []
  const answer = await player.say(command, { name: 'STORE', uid })
  if (answer?.startsWith('NO')) for (const slot of before) slot.flags = undefined
}

/** What the client takes the flags for when nothing is said of them. */
function assume(slot: Slot, sign: string, flag: string): void {
  if (sign === '') slot.flags = flagsOf(flag)
  else if (slot.flags === undefined) return
  else if (sign === '+') slot.flags = flagsOf(`${slot.flags} ${flag}`)
  else
    slot.flags = flagsOf(
      slot.flags
        .split(' ')
        .filter(one => one !== flag.toLowerCase())
        .join(' '),
    )
}

async function conditional(player: Player, a: number, b: number, c: number): Promise<void> {
  const { believer } = player
  const uid = a % 2 === 0
  const { text, slots } = chosen(player, uid, c)
  const since = pick([believer.modseq, 0, ...slots.flatMap(slot => slot.modseq ?? [])], b)
  believer.aware = true
  const flag = pick(FLAGS, b >>> 2)
  const command = `${uid ? 'UID ' : ''}STORE ${text} (UNCHANGEDSINCE ${since}) ${pick(['+', '-', ''], a)}FLAGS (${flag})`
  await player.say(command, { name: 'STORE', uid })
}

async function transfer(player: Player, name: 'COPY' | 'MOVE', a: number, b: number, c: number): Promise<void> {
  const uid = a % 2 === 0
  await player.say(`${uid ? 'UID ' : ''}${name} ${chosen(player, uid, c).text} ${pick(NAMES, b)}`, { name, uid })
}
