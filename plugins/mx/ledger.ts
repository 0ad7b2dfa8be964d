/**
 * Who of a delivery is served, and who still waits: one final outcome per recipient, and until then what the last host said.
 * A refusal to talk to us at all is final only when every host refused so; `hopeful` notes that one did not. No effects.
 */
import type { JobRecipient, Outcome } from 'posthouse/api'

type Failed = Extract<Outcome, { kind: 'failed' }>
type Deferred = Extract<Outcome, { kind: 'deferred' }>
type Refusal = Failed | Deferred
/** A refusal for everybody who still waits. */
export type ForAll = Omit<Failed, 'row'> | Omit<Deferred, 'row'>

export class Ledger {
  /** Recipients without a final outcome, by row. */
  readonly #pending = new Map<number, JobRecipient>()
  readonly #final: Outcome[] = []
  /** What the last host said about those still pending. */
  readonly #last = new Map<number, Outcome>()
  /** Rows of whom nothing is said but why we have not asked. */
  readonly #remarks = new Set<number>()
  #hopes = 0

  admit(recipient: JobRecipient): void {
    this.#pending.set(recipient.row, recipient)
  }

  get pending(): readonly JobRecipient[] {
    return [...this.#pending.values()]
  }

  get left(): number {
    return this.#pending.size
  }

  /** An attempt ended with something better than a refusal to talk. */
  hope(): void {
    this.#hopes += 1
  }

  get hopeful(): boolean {
    return this.#hopes > 0
  }

  /** Some host has said something, or was passed over for a reason. */
  get heard(): boolean {
    return this.#last.size > 0
  }

  /** Nothing but the wish for TLS all the way stands between those who are left and their mail (RFC 8689). */
  get noSecretWay(): boolean {
    const last = [...this.#pending.keys()].map(row => this.#last.get(row))
    return !this.hopeful && last.length > 0 && last.every(one => one !== undefined && isAboutTls(one))
  }

  end(outcome: Outcome): void {
    this.#pending.delete(outcome.row)
    this.#final.push(outcome)
  }

  endAll(outcome: ForAll): void {
    for (const row of [...this.#pending.keys()]) this.end({ ...outcome, row } as Refusal)
  }

  /** Until another host says something else. */
  note(outcome: Outcome): void {
    this.#remarks.delete(outcome.row)
    this.#last.set(outcome.row, outcome)
  }

  noteAll(outcome: ForAll): void {
    for (const row of this.#pending.keys()) this.note({ ...outcome, row } as Refusal)
  }

  /** Why we do not ask: of those about whom no host has said anything. What a host has said counts for more. */
  remarkAll(outcome: ForAll): void {
    for (const row of this.#pending.keys()) {
      if (this.#last.has(row) && !this.#remarks.has(row)) continue
      this.note({ ...outcome, row } as Refusal)
      this.#remarks.add(row)
    }
  }

  /** As if no host had been asked. */
  forget(): void {
    this.#last.clear()
    this.#remarks.clear()
  }

  /** One outcome per recipient; `nothing`: of those about whom no host has said anything. */
  close(nothing: string): readonly Outcome[] {
    return [...this.#final, ...[...this.#pending.keys()].map(row => this.#leftOver(row, nothing))]
  }

  /** A 5xx greeting counts as a refusal only when every host greeted us so. */
  #leftOver(row: number, nothing: string): Outcome {
    const last = this.#last.get(row)
    // 4.4.1 is for hosts that do not answer, and nobody was asked.
    if (last === undefined) return { kind: 'deferred', row, status: '4.3.0', text: nothing }
    if (last.kind !== 'failed' || !this.hopeful) return last
    return { ...last, kind: 'deferred', status: last.reply === undefined ? `4${last.status.slice(1)}` : '4.4.1' }
  }
}

function isAboutTls(outcome: Outcome): boolean {
  return outcome.kind === 'failed' && (outcome.status === '5.7.30' || outcome.status === '5.7.10')
}
