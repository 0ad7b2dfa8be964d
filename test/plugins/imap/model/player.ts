/** One client of the model: its connection, what it believes, and what it keeps of mailboxes it has left. What it does is in `moves.ts`. */
import assert from 'node:assert/strict'
import { formatSet } from '../../../../plugins/imap/wire/set.js'
import type { Client } from '../rig.js'
import { type Asked, Believer, type Kept } from './believer.js'

/** What players share. */
export interface Ground {
  connect(player: number): Promise<Client>
  /** A message comes in by another way than IMAP. */
  deliver(mailbox: string, by: number): Promise<void>
  /** Notes that both belong together; fails when they did not before. */
  agree(what: string, key: string, value: string): void
  /** A client was told that this mailbox is deleted. */
  gone(mailboxId: string): void
  log(line: string): void
}

const WITHIN_MS = 60_000

export class Player {
  readonly believer = new Believer()
  readonly number: number
  readonly ground: Ground
  private client: Client | undefined
  private idling: string | undefined
  private left: Client[] = []
  private mailbox = ''
  private readonly kept = new Map<string, Kept>()
  private tags = 0

  constructor(number: number, ground: Ground) {
    this.number = number
    this.ground = ground
  }

  /** Ready for a command: connected, and not idling. */
  async ready(by: number): Promise<void> {
    if (this.client === undefined) await this.connect(by)
    else if (this.idling !== undefined) await this.endIdle()
    if (this.client === undefined) await this.connect(by)
  }

  get connected(): boolean {
    return this.client !== undefined
  }

  /** Hears all there is to hear. */
  async quiet(): Promise<void> {
    if (this.client === undefined) return
    if (this.idling !== undefined) await this.endIdle()
    if (this.client !== undefined) await this.say('NOOP', { name: 'NOOP' })
  }

  hangUp(): void {
    const { believer } = this
    this.keep()
    this.client?.close()
    this.client = undefined
    this.idling = undefined
    believer.leave()
  }

  private keep(): void {
    if (!this.believer.selected) return
    this.kept.delete(this.mailbox)
    this.kept.set(this.mailbox, this.believer.keep())
  }

  /** Sends a command and goes on elsewhere: what becomes of it is never known. */
  sayAndLeave(text: string): void {
    this.ground.log(`p${this.number} ${text} … and gone`)
    const client = this.client!
    client.send(`x ${text}\r\n`)
    this.left.push(client)
    this.client = undefined
    this.hangUp()
  }

  /** Resolves when the server has done what nobody waited for. */
  async leftAlone(): Promise<void> {
    for (const client of this.left) {
      await client.answerTo('x', WITHIN_MS)
      client.close()
    }
    this.left = []
  }

  async idle(): Promise<void> {
    const tag = `p${this.number}n${++this.tags}`
    this.ground.log(`${tag} IDLE`)
    this.client!.send(`${tag} IDLE\r\n`)
    const answer = await this.hear(tag, { name: 'IDLE' })
    if (answer?.startsWith('+')) this.idling = tag
  }

  // ── talking ──

  private async connect(by: number): Promise<void> {
    this.client = await this.ground.connect(this.number)
    this.idling = undefined
    const { believer } = this
    believer.leave()
    believer.aware = believer.qresync = believer.rev2 = false
    if (by % 4 === 0) await this.say('ENABLE IMAP4rev2', { name: 'ENABLE' })
    if (by % 3 !== 0) await this.say('ENABLE QRESYNC', { name: 'ENABLE' })
  }

  /** The tagged answer; `undefined` when the server has ended the conversation. */
  async say(text: string, asked: Asked, mayBeBad = false): Promise<string | undefined> {
    const tag = `p${this.number}n${++this.tags}`
    this.ground.log(`${tag} ${text}`)
    this.client!.send(`${tag} ${text}\r\n`)
    return this.hear(tag, asked, mayBeBad)
  }

  private async hear(tag: string, asked: Asked, mayBeBad = false): Promise<string | undefined> {
    for (;;) {
      const line = await this.client!.response(WITHIN_MS)
      this.ground.log(`  ${this.number}: ${line}`)
      if (line === 'END' || line.startsWith('* BYE')) return this.ended(line)
      if (line.startsWith(`${tag} `)) {
        const answer = line.slice(tag.length + 1)
        assert.ok(mayBeBad || !answer.startsWith('BAD'), `${asked.name} is answered ${answer}`)
        this.believer.answered(answer)
        return answer
      }
      if (line.startsWith('+')) return line
      if (line.startsWith('* OK [CLOSED]')) this.believer.selected = false
      this.believer.hear(line, asked)
    }
  }

  private ended(line: string): undefined {
    assert.match(line, /deleted/, 'the conversation ends without a reason')
    this.ground.gone(this.believer.mailboxId)
    this.client?.close()
    this.client = undefined
    this.idling = undefined
    this.believer.leave()
  }

  private async endIdle(): Promise<void> {
    const tag = this.idling!
    this.idling = undefined
    this.client!.send('DONE\r\n')
    await this.hear(tag, { name: 'IDLE' })
  }

  // ── opening and leaving ──

  /** To a mailbox it has been in before; where there is none, not at all. */
  async openAgain(a: number, b: number, c: number): Promise<boolean> {
    // The last first.
    const [name, kept] = [...this.kept].toReversed()[a % Math.max(1, this.kept.size)] ?? []
    if (name === undefined || kept === undefined || !this.believer.qresync) return false
    const uids = [...kept.slots.keys()]
    const known = uids.length > 0 && b % 3 > 0 ? ` ${formatSet(uids)}` : ''
    const places = known !== '' && kept.whole && c % 2 === 0 ? ` (1:${uids.length} ${formatSet(uids)})` : ''
    await this.open(name, c % 5 === 0, ` (QRESYNC (${kept.uidValidity} ${kept.modseq}${known}${places}))`, kept)
    return true
  }

  async open(name: string, readOnly: boolean, options: string, kept?: Kept): Promise<void> {
    const { believer } = this
    this.keep()
    const command = readOnly ? 'EXAMINE' : 'SELECT'
    believer.selected = false
    believer.opening(kept)
    this.mailbox = name
    const answer = await this.say(`${command} ${name}${options}`, { name: command, wants: kept ? ['QRESYNC'] : [] })
    if (options === ' (CONDSTORE)') believer.aware = true
    if (!answer?.startsWith('OK')) return believer.leave()
    believer.readOnly = readOnly
    this.ground.agree('mailbox', String(believer.uidValidity), believer.mailboxId)
    const back = believer.opened(kept)
    await this.say('UID FETCH 1:* (UID)', { name: 'FETCH', uid: true, wants: ['UID'] })
    if (back && this.client) this.merge(back)
  }

  /** What was known and is not told anew is true still: if it is not, a change was lost. */
  private merge({ slots }: Kept): void {
    const { believer } = this
    const there = new Map(believer.slots.map(slot => [slot.uid ?? 0, slot]))
    for (const [uid, old] of slots) {
      const slot = there.get(uid)
      assert.ok(slot !== undefined || believer.removed.has(uid), `nobody told that ${uid} was removed meanwhile`)
      if (slot) {
        slot.flags ??= old.flags
        slot.modseq ??= old.modseq
      }
    }
  }

  async leaveBy(command: 'CLOSE' | 'UNSELECT'): Promise<void> {
    const { believer } = this
    if (!believer.selected) return
    this.keep()
    const answer = await this.say(command, { name: command })
    if (answer !== undefined) believer.leave()
  }
}
