/**
 * The mail of a crash run, made from numbers alone: a letter and all its octets can be told again from its number, so that nothing is
 * kept of what was sent and every octet of what arrived can be compared.
 */

/** In [0, 1); the same for the same seed. */
export type Chance = () => number

/** Mulberry32: small, and good enough to choose what to break. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export function among<T>(list: readonly T[], chance: Chance): T {
  return list[Math.floor(chance() * list.length)]!
}

/** `refused`: the sink says 550, so the sender gets a bounce. */
export type Whose = 'local' | 'remote' | 'refused'
export type Way = 'data' | 'bdat' | 'lmtp'

export interface Letter {
  readonly n: number
  readonly way: Way
  /** Has a mailbox here. */
  readonly sender: string
  readonly recipients: readonly { readonly address: string; readonly whose: Whose }[]
  /** Asks for reports of success and failure. */
  readonly notify: boolean
  readonly lines: number
}

const LINE = 72
const REMOTE = ['north.test', 'south.test', 'east.test', 'west.test']
export const ID = /<crash-(\d+)@load\.test>/

export function letterOf(n: number, way: Way, users: readonly string[], chance: Chance): Letter {
  const recipients = new Map<string, Whose>()
  const count = 1 + Math.floor(chance() * 3)
  for (let at = 0; at < count; at++) {
    const kind = way === 'lmtp' ? 0 : chance()
    if (kind < 0.5) recipients.set(among(users, chance), 'local')
    else if (kind < 0.92) recipients.set(`person${Math.floor(chance() * 50)}@${among(REMOTE, chance)}`, 'remote')
    else recipients.set(`nobody${Math.floor(chance() * 50)}@${among(REMOTE, chance)}`, 'refused')
  }
  const size = chance()
  const kilobytes = size < 0.75 ? 1 + chance() * 7 : size < 0.93 ? 20 + chance() * 40 : 100 + chance() * 500
  return {
    n,
    way,
    sender: among(users, chance),
    recipients: [...recipients].map(([address, whose]) => ({ address, whose })),
    notify: way !== 'lmtp' && chance() < 0.2,
    lines: Math.ceil((kilobytes * 1024) / LINE),
  }
}

export function bytesOf({ n, sender, recipients, lines }: Letter): Buffer {
  const header = [
    `From: <${sender}>`,
    `To: ${recipients.map(({ address }) => `<${address}>`).join(', ')}`,
    `Subject: letter ${n}`,
    `Message-ID: <crash-${n}@load.test>`,
    'Date: Sat, 21 Nov 2026 12:00:00 +0000',
    '',
  ]
  const body = Array.from({ length: lines }, (_, at) => {
    const said = `${at % 7 === 3 ? '.' : ''}${n}:${at} ${((n * 2_654_435_761 + at * 40_503) >>> 0).toString(36)} `
    return said.repeat(Math.ceil(LINE / said.length)).slice(0, LINE - 2)
  })
  return Buffer.from([...header, ...body, ''].join('\r\n'), 'latin1')
}

/** RFC 5321 §4.5.2: a line that begins with a dot is sent with one more. */
export function stuffed(bytes: Buffer): Buffer {
  return Buffer.from(`${bytes.toString('latin1').replace(/(^|\r\n)\./g, '$1..')}.\r\n`, 'latin1')
}
