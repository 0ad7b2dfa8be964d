/** Recipients of a job put together by where their mail goes and which of our addresses it goes out by. Pure. */
import type { Job, JobRecipient } from 'posthouse/api'
import { domainKey } from 'posthouse/text'
import type { Route } from './routes/route.js'
import type { Routes } from './routes/routes.js'
import type { Choice, Pools } from './sources/pools.js'

export interface Destination {
  /** Of the first recipient; a route to certain hosts may be for more of them. */
  readonly domain: string
  readonly route: Route | undefined
  /** Left out: the system chooses our address. */
  readonly choice: Choice | undefined
  /** What sessions are kept under: those of a route are not those of another, which may ask for something else. */
  readonly key: string
  readonly recipients: JobRecipient[]
}

export function destinationsOf(job: Job, routes: Routes, pools: Pools | undefined): Iterable<Destination> {
  const found = new Map<string, Destination>()
  for (const recipient of job.recipients) {
    const { domain } = recipient.to
    const route = routes.find(domain, job)
    const choice = pools?.choose(domain, route, job)
    const key = keyOf(domain, route, choice)
    const known = found.get(key)
    if (known === undefined) found.set(key, { domain, route, choice, key, recipients: [recipient] })
    else known.recipients.push(recipient)
  }
  return found.values()
}

function keyOf(domain: string, route: Route | undefined, choice: Choice | undefined): string {
  const pool = choice === undefined ? '' : ` by ${choice.pool.name}`
  const place = route !== undefined && route.stops.length > 0 ? '' : ` ${domainKey(domain)}`
  return `${route?.id ?? ''}${place}${pool}`
}
