/**
 * Postfix's smtp-source as load: a client nobody here wrote. It counts messages, not seconds, so a short run says how many are
 * needed for the time wanted. It tells no latencies and does not pipeline.
 */
import { execFile } from 'node:child_process'
import { program } from '../../test/harness/shared.js'
import type { Load } from './figures.js'
import type { SourceOrder } from './source.js'

const CALIBRATION_MESSAGES = 200

export function findSmtpSource(): string | undefined {
  return program('smtp-source')
}

export async function driveSmtpSource(path: string, order: SourceOrder): Promise<Load> {
  const first = await send(path, order, CALIBRATION_MESSAGES)
  if (first.errors.length > 0) return first
  const wanted = Math.round((CALIBRATION_MESSAGES / first.elapsedMs) * order.seconds * 1000)
  const second = await send(path, order, Math.min(Math.max(wanted, order.sessions), order.maxMessages))
  // What the server used for the first ones is in its usage, so they count.
  return {
    messages: first.messages + second.messages,
    bytes: first.bytes + second.bytes,
    elapsedMs: first.elapsedMs + second.elapsedMs,
    latencies: second.latencies,
    errors: second.errors,
  }
}

function send(path: string, order: SourceOrder, messages: number): Promise<Load> {
  const { port, sessions, size, recipients, seconds, reconnect } = order
  const keep = reconnect === true ? [] : ['-d']
  const counts = ['-s', String(Math.min(sessions, messages)), '-m', String(messages), '-l', String(size)]
  const names = ['-M', 'source.test', '-f', 'sender@source.test', '-t', recipients[0]!]
  const startMs = performance.now()
  return new Promise(done => {
    const timeout = (seconds * 3 + 30) * 1000
    execFile(path, [...keep, ...counts, ...names, `inet:127.0.0.1:${port}`], { timeout }, (error, _out, said) => {
      const elapsedMs = performance.now() - startMs
      const errors = error === null ? [] : [`smtp-source: ${said.slice(0, 200).trim() || error.message}`]
      const sent = error === null ? messages : 0
      done({ messages: sent, bytes: sent * size, elapsedMs, latencies: new Float64Array(0), errors })
    })
  })
}
