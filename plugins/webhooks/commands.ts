/** `posthouse webhooks …`: how the hooks are, a request to try one, and a new start for those that wait or were gone. */
import { type Bus, type Clock, type Command, CommandError, type CommandRun } from 'posthouse/api'
import type { Outbox } from './outbox.js'
import { post, postingId } from './post.js'
import { bodyOf } from './sender.js'
import type { Hook } from './settings.js'

export interface CommandDeps {
  readonly hooks: readonly (readonly [Hook, Outbox])[]
  readonly clock: Clock
  readonly server: string
  readonly bus: Bus
  readonly signal: AbortSignal
}

/** Tells senders to try at once. */
export const TOPIC = 'webhooks'

export function webhookCommands(deps: CommandDeps): readonly Command[] {
  return [
    {
      name: 'webhooks ls',
      summary: 'show who is told of events, and what waits',
      arity: [0, 0],
      run: run => ls(run, deps),
    },
    {
      name: 'webhooks test',
      summary: 'post a test event to a hook, now',
      usage: 'URL',
      arity: [1, 1],
      run: run => tryOne(run, deps),
    },
    {
      name: 'webhooks replay',
      summary: 'send what waits at once, and begin again with hooks that were gone (410)',
      usage: '[URL]',
      arity: [0, 1],
      run: run => replay(run, deps),
    },
  ]
}

async function ls(run: CommandRun, { hooks }: CommandDeps): Promise<void> {
  const rows = await Promise.all(
    hooks.map(async ([{ shown, kinds }, outbox]) => {
      const [stopped, trouble] = [await outbox.stopped(), await outbox.trouble()]
      const oldest = (await outbox.next(1))[0]?.event.at
      return {
        url: shown,
        events: [...kinds],
        waiting: await outbox.size(),
        ...(oldest === undefined ? {} : { oldest: new Date(oldest).toISOString() }),
        ...(stopped === undefined ? {} : { stopped }),
        ...(trouble === undefined ? {} : { trouble }),
      }
    }),
  )
  if (run.json) return run.print(JSON.stringify(rows, null, 2))
  for (const { url, waiting, oldest, stopped, trouble } of rows) {
    const parts = [url, `${waiting} waiting${oldest === undefined ? '' : `, the oldest of ${oldest}`}`]
    if (stopped !== undefined) parts.push(`stopped at ${stopped} (410)`)
    if (trouble !== undefined) parts.push(`last trouble ${trouble}`)
    run.print(parts.join('  '))
  }
  if (rows.length === 0) run.print('no hook is configured')
}

async function tryOne(run: CommandRun, deps: CommandDeps): Promise<number> {
  const [hook] = chosen(deps, run.args[0]!)[0]!
  const now = deps.clock.now()
  const event = { id: `test${now.toString(36)}`, kind: 'test', at: now }
  const { url, secret, timeoutMs, networks } = hook
  const id = postingId([event.id])
  const body = bodyOf(deps.server, now, [event])
  try {
    const { status } = await post({ url, secret, timeoutMs, networks, id, now, body, signal: deps.signal })
    const good = status >= 200 && status < 300
    run.print(run.json ? JSON.stringify({ url: hook.shown, status }) : `${hook.shown} answered ${status}`)
    return good ? 0 : 1
  } catch (error) {
    throw new CommandError(`${hook.shown}: ${(error as Error).message}`)
  }
}

async function replay(run: CommandRun, deps: CommandDeps): Promise<void> {
  const done = []
  for (const [{ shown }, outbox] of chosen(deps, run.args[0])) {
    const resumed = await outbox.resume()
    done.push({ url: shown, waiting: await outbox.size(), resumed })
  }
  deps.bus.publish(TOPIC, 'now')
  if (run.json) return run.print(JSON.stringify(done, null, 2))
  for (const { url, waiting, resumed } of done)
    run.print(`${url}  ${waiting} waiting, tried now${resumed ? '; it is told again from here on' : ''}`)
}

function chosen({ hooks }: CommandDeps, url: string | undefined): CommandDeps['hooks'] {
  if (url === undefined) return hooks
  const found = hooks.filter(([hook]) => hook.url.href === url || hook.shown === url)
  if (found.length > 0) return found
  const known = hooks.map(([hook]) => hook.shown).join(', ')
  throw new CommandError(`no hook has this URL; there ${hooks.length === 1 ? 'is' : 'are'}: ${known || 'none'}`)
}
