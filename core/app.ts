/**
 * Joins everything: plugins, services, pipeline, intake, doors and queue runner, for one worker process. What it joins does not know
 * of each other; the order here is the order things come up, and `close` takes them down in reverse.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Address,
  type Authenticator,
  type Claim,
  ConfigError,
  type Defer,
  type Dispatcher,
  type Events,
  type Mailer,
  type Markings,
  type Movements,
  type Notifier,
  type Reject,
  type Resolver,
  type ServerFacts,
  type Store,
} from './api/index.js'
import { filesIn, inOrder } from './config/files.js'
import { KeptYaml } from './config/kept-yaml.js'
import type { Config } from './config/types.js'
import { createResolver } from './dns/resolver.js'
import { reverseName } from './dns/reverse.js'
import type { App, AppBase } from './host/app-types.js'
import { countersOf, type Door, openDoors } from './host/doors.js'
import { watchExpiry } from './host/expiry.js'
import { type Loaded, loadRest } from './host/loaded.js'
import { loadPlugins } from './host/loader.js'
import type { Rehearsal } from './host/rehearsal.js'
import { AccountSessions } from './net/account-sessions.js'
import { hear } from './pipeline/admin-news.js'
import { sweepOften } from './pipeline/followers.js'
import { LoginGate } from './pipeline/gate.js'
import { createIntake } from './pipeline/intake.js'
import type { Intake } from './pipeline/intake-types.js'
import { MovementLog } from './pipeline/movements.js'
import { createNotifier } from './pipeline/notifier.js'
import { routeOwn } from './pipeline/own-mail.js'
import { Pipeline } from './pipeline/pipeline.js'
import { Refusals } from './pipeline/refusals.js'
import { Router } from './pipeline/routing.js'
import { lifeOf, senderClass } from './queue/lane-rules.js'
import { QueueRunner } from './queue/runner.js'
import { ReplyRules } from './replies/replies.js'
import { createAuthenticator } from './sasl/authenticator.js'
import { readSecret } from './sasl/pretence.js'
import { smtpListener } from './smtp/smtp.js'
import { Spool, SpoolRoom } from './storage/spool.js'
import { DomainSet, NetworkSet, newId } from './text/index.js'

const { version: VERSION } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

type SmtpIntake = Pick<Intake, 'route' | 'receive'>

/** Commands open no doors and need no certificate. */
export type AssemblyBase = Omit<AppBase, 'tls'> & {
  readonly purpose?: 'serve' | 'command'
  readonly rehearsal?: Rehearsal
}

/** Everything but the doors: what commands need too. */
export interface Assembly {
  readonly loaded: Loaded
  readonly pipeline: Pipeline
  readonly authenticator: Authenticator
  readonly sessions: AccountSessions
  readonly dns: Resolver
  readonly server: ServerFacts
  /** From here on plugins may have mail delivered. */
  dispatchBy(dispatcher: Dispatcher): void
  /** From here on plugins may tell people of the house something. */
  notifyBy(notifier: Notifier & Mailer): void
  /** Who would take mail of our own for this address. */
  route(to: Address): Promise<readonly Claim[] | Reject | Defer>
  /** Disposes of the plugins and closes the store. */
  close(): Promise<void>
}

/** Throws `ConfigError` with all faults that can be found. */
export async function assemble({
  config,
  log,
  bus,
  clock,
  metrics,
  purpose = 'serve',
  rehearsal,
}: AssemblyBase): Promise<Assembly> {
  const ending = new AbortController()
  const server = factsOf(config)
  const dns = createResolver({ ...config.dns, clock })
  // Plugins are given the authenticator before there are hooks to ask; nobody logs in before the doors are open.
  let inner: Authenticator | undefined
  const authenticator: Authenticator = {
    login(peer, credentials) {
      if (inner === undefined) throw new Error('the authenticator was used before start-up was over')
      return inner.login(peer, credentials)
    },
    mechanisms: (peer, binding, clear) => inner?.mechanisms(peer, binding, clear) ?? [],
    start: wish => inner?.start(wish),
  }
  // There is a queue to deliver from only once the store is there and the doors are open.
  let dispatching: Dispatcher | undefined
  const dispatcher: Dispatcher = {
    drain(wish) {
      if (dispatching === undefined) throw new Error('the dispatcher was used before start-up was over')
      return dispatching.drain(wish)
    },
    answers: async lanes => dispatching?.answers?.(lanes),
  }
  let notifying: (Notifier & Mailer) | undefined
  const notifier: Notifier = {
    async tell(notice) {
      if (notifying === undefined) throw new Error('the notifier was used before start-up was over')
      return notifying.tell(notice)
    },
  }
  const mailer: Mailer = {
    send(mail) {
      if (notifying === undefined) throw new Error('the mailer was used before start-up was over')
      return notifying.send(mail)
    },
  }
  let telling: Events | undefined
  const events: Events = {
    tell(event) {
      if (telling === undefined) throw new Error('an event was told before start-up was over')
      telling.tell(event)
    },
  }
  let hearing: Markings | undefined
  let moving: Movements | undefined
  const markings: Markings = {
    tell(marking) {
      if (hearing === undefined) throw new Error('a marking was told before start-up was over')
      hearing.tell(marking)
    },
  }
  const movements: Movements = {
    tell(movement) {
      if (moving === undefined) throw new Error('a movement was told before start-up was over')
      moving.tell(movement)
    },
  }
  const replies = new ReplyRules(filesIn(config.dir, { yaml: KeptYaml.in(config.dataDir), checks: config.kept }))
  const services = { authenticator, dispatcher, notifier, mailer, events, markings, movements, replies }
  const signal = ending.signal
  const base = { log, metrics, dns, clock, server, bus, signal, services, purpose }
  const wanted = loadPlugins(config, rehearsal === undefined ? base : { ...base, rehearsal })
  const loaded = await together(wanted, purpose === 'serve' ? replies.check() : undefined)
  const entries = loaded.entries.map(({ entry, plugin, contribution }) => ({
    plugin: plugin.name,
    hooks: contribution.hooks ?? {},
    unless: entry.unless,
    on: entry.on,
    timeoutMs: entry.timeoutMs,
    onError: entry.onError,
    mode: entry.mode,
  }))
  const pipeline = new Pipeline(entries, metrics)
  telling = {
    tell: event => pipeline.tell('event', { event }, new Set(), { signal: ending.signal, log }),
  }
  const trail = loaded.services.find('store')?.trail
  const moved = trail === undefined ? undefined : new MovementLog({ trail, clock, log })
  moving = moved ?? { tell: () => undefined }
  hearing = {
    tell(marking) {
      moved?.marked(marking)
      pipeline.tell('marked', { marking }, new Set(), { signal: ending.signal, log })
    },
  }
  const sessions = new AccountSessions()
  const sweepNoMore = sweepOften(ending.signal)
  inner = createAuthenticator({
    gate: new LoginGate(pipeline, log, (id, accountId) => sessions.loggedIn(id, accountId)),
    log,
    accounts: loaded.services.find('accounts'),
    checks: new Set(loaded.entries.flatMap(({ contribution }) => contribution.checks ?? [])),
    secret: () => readSecret(join(config.dataDir, 'sasl-secret')),
    signal,
  })
  return {
    loaded,
    pipeline,
    authenticator,
    sessions,
    dns,
    server,
    dispatchBy(given) {
      dispatching = given
    },
    notifyBy(given) {
      notifying = given
    },
    async route(to) {
      const router = new Router(pipeline, loaded.targets, server)
      const routed = await routeOwn(router, server, newId(clock.now()), to, { signal, log })
      return 'kind' in routed ? routed : routed.claims
    },
    async close() {
      sweepNoMore()
      ending.abort()
      await moved?.close()
      await loaded.dispose()
    },
  }
}

/** With the faults of both. */
async function together(loading: Promise<Loaded>, rules: Promise<unknown> | undefined): Promise<Loaded> {
  const [loaded, read] = await Promise.allSettled([loading, rules])
  if (loaded.status === 'fulfilled' && read.status === 'fulfilled') return loaded.value
  const rest = await Promise.allSettled([loaded.status === 'fulfilled' ? loadRest(loaded.value) : undefined])
  if (loaded.status === 'fulfilled') await loaded.value.dispose()
  const reasons = [loaded, read, ...rest].flatMap(one => (one.status === 'rejected' ? [one.reason as unknown] : []))
  const bug = reasons.find(reason => !(reason instanceof ConfigError))
  if (bug !== undefined) throw bug
  throw new ConfigError(inOrder(reasons.flatMap(reason => (reason as ConfigError).faults)))
}

/** Resolves when all doors are open and everything is loaded. */
export async function startApp(base: AppBase): Promise<App> {
  const assembly = await assemble(base)
  try {
    return await open(base, assembly)
  } catch (error) {
    await assembly.close()
    throw error
  }
}

async function open(base: AppBase, assembly: Assembly): Promise<App> {
  const { config, log, clock, metrics } = base
  const { loaded, pipeline, authenticator, sessions, server, dns } = assembly
  const store = storeOf(loaded, config)
  const intake = createIntake({
    pipeline,
    targets: loaded.targets,
    store,
    server,
    clock,
    lifeMs: (message, row) => lifeOf(config.queue, senderClass(message, row.sender), row),
    firstRetryMs: config.queue.retryMs[0]!,
    place: rows => runner.place(rows),
  })
  assembly.notifyBy(
    createNotifier({
      intake,
      store,
      state: loaded.services.find('state'),
      server,
      domains: config.domains,
      clock,
      log,
    }),
  )
  const refusals = new Refusals({ trail: store.trail, clock, log })
  const room = new SpoolRoom()
  const trusted = new NetworkSet(config.trusted)
  const xclient = new NetworkSet(config.xclient)
  const xforward = new NetworkSet(config.xforward)
  // Opened first, the doors let mail in that is judged by what is loaded last.
  let opened: () => void = () => undefined
  const rest = new Promise<void>(resolve => {
    opened = resolve
  }).then(() => loadRest(loaded))
  const smtp = {
    pipeline,
    intake: base.doorsFirst === true ? receivingAfter(rest, intake) : intake,
    authenticator,
    spool: () => new Spool(store.blobs, { maxHeaderBytes: config.limits.headerBytes, room }),
    verbs: loaded.verbs,
    server,
    smtp: config.smtp,
    limits: config.limits,
    clock,
    log,
    metrics,
    reverseOf: (address: string) => reverseName(dns, address),
    trusted: (address: string) => trusted.has(address),
    mayXclient: (address: string) => xclient.has(address),
    mayXforward: (address: string) => xforward.has(address),
    refusals,
  }
  const listeners = [...config.listeners.map(one => smtpListener(one, smtp)), ...loaded.listeners]
  const draining = new AbortController()
  const state = loaded.services.find('state')
  const runner: QueueRunner = new QueueRunner({
    store,
    targets: loaded.targets,
    pipeline,
    plan: intake.plan,
    server,
    replies: loaded.services.get('replies'),
    bus: base.bus,
    ...(state === undefined ? {} : { state }),
    schedule: config.queue,
    clock,
    log,
    metrics,
    inspects: (base.worker ?? 1) === 1,
  })
  // What is still under way near the end of the drain goes back to the queue unchanged.
  const graceMs = Math.max(1000, config.drainMs - 5000)
  assembly.dispatchBy(runner.dispatcher(graceMs))
  const { census, ...counters } = countersOf(base)
  if (base.doorsFirst !== true) await loadRest(loaded)
  const doors = await openDoors(base, listeners, { drain: draining.signal, sessions, ...counters })
  census?.begin(counters.turnstile)
  const hearNoMore = (base.worker ?? 1) === 1 ? hear({ bus: base.bus, store, pipeline, clock, log }) : () => undefined
  const endNoMore = sessions.hear(base.bus, log)
  if (base.doorsFirst === true) {
    opened()
    await rest.catch(error => closeAgain(doors, error))
  }
  // What was read behind the doors and passed its schema is known again too.
  await config.kept?.save()
  runner.start()
  for (const { contribution } of loaded.entries) contribution.started?.()
  const forgetExpiry = watchExpiry({ tls: base.tls, notifier: assembly.loaded.services.get('notifier'), clock })
  let stopped: Promise<void> | undefined
  return {
    doors: doors.map(one => one.shown),
    take(name, connection) {
      const there = doors.find(({ shown }) => shown.name === name)
      if (there === undefined) connection.close()
      else there.door.take(connection)
    },
    stop() {
      if (stopped !== undefined) return
      for (const { door } of doors) door.stop()
      census?.takesNoMore()
      draining.abort()
      forgetExpiry()
      hearNoMore()
      stopped = runner.stop(graceMs)
    },
    async drained() {
      await Promise.all([...doors.map(({ door }) => door.idle), stopped])
    },
    async close() {
      for (const { door } of doors) door.abort()
      endNoMore()
      census?.close()
      await refusals.close()
      await assembly.close()
    },
  }
}

/** What comes in before that waits for it, and is not taken where it fails: it would be filed by half of the rules. */
function receivingAfter(loading: Promise<unknown>, { route, receive }: SmtpIntake): SmtpIntake {
  let isLoaded = false
  const loaded = loading.then(() => {
    isLoaded = true
  })
  loaded.catch(() => undefined)
  return {
    route,
    receive: (mail, scope) => (isLoaded ? receive(mail, scope) : loaded.then(() => receive(mail, scope))),
  }
}

function closeAgain(doors: readonly Door[], error: unknown): never {
  for (const { door } of doors) {
    door.stop()
    door.abort()
  }
  throw error
}

function storeOf(loaded: Loaded, config: Config): Store {
  const store = loaded.services.find('store')
  if (store !== undefined) return store
  const message = 'no entry supplies the service "store"; add "- use: store-lmdb"'
  throw new ConfigError([{ file: `${config.dir}/plugins.yaml`, line: 1, column: 1, message }])
}

function factsOf(config: Config): ServerFacts {
  return {
    name: config.name,
    domains: new DomainSet(config.domains),
    relayDomains: new DomainSet(config.relayDomains),
    version: VERSION,
    configDir: config.dir,
    dataDir: config.dataDir,
    maxMessageBytes: config.limits.messageBytes,
    doors: config.listeners.flatMap(({ protocol, address }) => (protocol === 'smtp' ? [address] : [])),
    listeners: config.listeners.map(({ name }) => name),
  }
}
