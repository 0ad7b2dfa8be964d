/** Whether somebody listens on a port. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { answers } from './ports.js'

/** Listens, and never comes to accepting anything. */
const DEAF = `
  const { parentPort } = require('node:worker_threads')
  const server = require('node:net').createServer()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`

test('a port whose queue is full does not answer, and nobody waits for it without an end', async t => {
  const worker = new Worker(DEAF, { eval: true })
  t.after(() => worker.terminate())
  const [port] = (await once(worker, 'message')) as [number]
  const said: boolean[] = []
  while (said.length < 10 && said.at(-1) !== false) said.push(await answers(port, 500))
  assert.equal(said.at(-1), false)
})
