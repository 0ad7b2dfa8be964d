/** Which outcomes and reports speak for or against an address. Pure. */
import type { Address, JobView, Outcome, QueueEvent } from 'posthouse/api'
import { formatAddress, parseAddress, printable } from 'posthouse/text'

export type Evidence =
  | { readonly kind: 'delivered'; readonly address: string; readonly domain: string }
  | { readonly kind: 'failed'; readonly address: string; readonly domain: string; readonly why: string }

export type Report = {
  readonly kind: 'failed' | 'complained'
  readonly address: string
  readonly domain: string
  readonly sender: Address | null
  readonly why: string
}

/** What was given up because its time was over says nothing about the address. */
export function ofSettled(
  job: JobView,
  outcomes: readonly Outcome[],
  classes: ReadonlySet<string>,
): readonly Evidence[] {
  return outcomes.flatMap((outcome): Evidence[] => {
    const to = job.recipients.find(({ row }) => row === outcome.row)?.original
    if (to === undefined) return []
    const common = { address: formatAddress(to), domain: to.domain }
    if (outcome.kind === 'delivered') return [{ kind: 'delivered', ...common }]
    if (outcome.kind !== 'failed' || outcome.expired === true || !classes.has(outcome.class ?? '')) return []
    return [{ kind: 'failed', ...common, why: reason(outcome.class, outcome.reply ?? outcome.text) }]
  })
}

/** What the plugin `bounces` knows to be about mail that left from here. Of what strangers send on through us they can write the bounce, too. */
export function ofReport(event: QueueEvent, classes: ReadonlySet<string>): Report | undefined {
  const to = parseAddress(event.recipient ?? '')
  if (to === undefined || event.submitter === undefined) return undefined
  const sender = parseAddress(event.sender) ?? null
  const common = { address: formatAddress(to), domain: to.domain, sender }
  if (event.kind === 'complained') return { kind: 'complained', ...common, why: reason(event.class, 'a complaint') }
  if (event.kind !== 'returned' || !classes.has(event.class ?? '')) return undefined
  return { kind: 'failed', ...common, why: reason(event.class, event.text ?? event.status ?? '') }
}

function reason(klass: string | undefined, said: string): string {
  return printable(klass === undefined ? said : `${klass}: ${said}`, 300)
}
