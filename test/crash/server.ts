/**
 * `posthouse serve` with one difference: a worker that was killed is replaced at once, however often that happens.
 * The true waits grow to half a minute, which is right for a server and too long for two hundred kills.
 */
import cluster from 'node:cluster'
import { fileURLToPath } from 'node:url'
import { runWorker } from '../../core/host/worker.js'

const AT_ONCE = [10]

if (cluster.isPrimary) {
  const { serve } = await import('../../core/host/serve.js')
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  const workerScript = fileURLToPath(import.meta.url)
  process.exit(await serve({ configDir: process.argv[2]!, workerScript, restartMs: AT_ONCE, print: say, warn: say }))
}
runWorker(async base => (await import('../../core/app.js')).startApp(base))
