/** The thread in which hashes of other servers are checked. */
import { parentPort } from 'node:worker_threads'
import { matches } from './check.js'
import type { CheckAnswer, CheckOrder } from './thread.js'

const port = parentPort!
port.on('message', async ({ id, password, stored }: CheckOrder) => {
  const answer: CheckAnswer = { id, right: await matches(password, stored) }
  port.postMessage(answer)
})
