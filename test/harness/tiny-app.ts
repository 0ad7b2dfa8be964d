/**
 * An application of a few lines under the real supervisor, to see workers crash, hang, reload and drain without a mail server.
 * `node tiny-app.js CONFIG_DIR`. The banner says how it starts: `refuse`, `slow`, or `frail`, where the first worker ends by crash while
 * the second one is still starting. One word per line: `pid`, `name`, `hang`, `crash`, `bug`, `bye`.
 */
import cluster from 'node:cluster'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Connection, Listener } from '../../core/api/index.js'
import type { App, AppBase } from '../../core/host/app-types.js'
import { serve } from '../../core/host/serve.js'
import { runWorker } from '../../core/host/worker.js'
import { openListener } from '../../core/net/listener.js'

async function startTiny({ config, log, clock, tls }: AppBase): Promise<App> {
  if (config.smtp.banner === 'refuse') throw new Error('the application does not want to')
  if (config.smtp.banner === 'slow' || (config.smtp.banner === 'frail' && cluster.worker?.id === 2)) {
    log.info({}, 'starting slowly')
    await sleep(1000)
  }
  const drain = new AbortController()
  const open = config.listeners.map(listener => {
    const door: Listener = { ...listener, serve: connection => converse(connection, config.name) }
    const { connections: maxConnections } = config.limits
    return openListener(door, { tls, log, clock, drain: drain.signal, maxConnections })
  })
  const doors = await Promise.all(open)
  // After it has said that it is ready, which it says next.
  if (config.smtp.banner === 'frail' && cluster.worker?.id === 1) setTimeout(() => process.exit(7), 100)
  return {
    doors: config.listeners.map((listener, i) => ({ ...listener, address: doors[i]!.address })),
    stop: () => {
      for (const door of doors) door.stop()
      drain.abort()
    },
    drained: async () => {
      await Promise.all(doors.map(door => door.idle))
    },
    close: async () => log.info({}, 'closed'),
  }
}

/** A session goes on until the client says `bye`, also when the server drains: that is what draining waits for. */
async function converse({ socket, signal }: Connection, name: string): Promise<void> {
  signal.addEventListener('abort', () => socket.write('draining\n'))
  for await (const word of createInterface({ input: socket })) {
    if (word === 'pid') socket.write(`${process.pid}\n`)
    if (word === 'name') socket.write(`${name}\n`)
    if (word === 'crash') process.exit(7)
    if (word === 'bug') setTimeout(() => never.call(undefined))
    if (word === 'hang') for (;;);
    if (word === 'bye') return
  }
}

function never(): void {
  throw new Error('a bug in a timer')
}

if (cluster.isPrimary) {
  const say = (line: string) => void process.stderr.write(`${line}\n`)
  const workerScript = fileURLToPath(import.meta.url)
  const code = await serve({ configDir: process.argv[2]!, workerScript, hangMs: 5000, print: say, warn: say })
  process.exit(code)
} else {
  runWorker(startTiny)
}
