/**
 * A yardstick of pure processor work, for what no other reference does: a mail of 4 KB taken apart and put together again, over and over. Whatever slows the
 * machine down slows this down too. A process of its own (see part.ts).
 */
import { createHash } from 'node:crypto'
import type { Load } from './figures.js'
import { Messages } from './message.js'
import { servePart } from './part.js'

export interface LoopQuestions {
  readonly ask: { readonly seconds: number }
  readonly answer: Load
}

const SIZE = 4096
const BLOCK = 50

/** Its result depends on all of it, so that nothing can be left out. */
function pass(mail: Buffer, number: number): number {
  const text = mail.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  const fields = new Map<string, string>()
  for (const line of text.slice(0, end).split('\r\n')) {
    const colon = line.indexOf(':')
    fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  const words = new Map<string, number>()
  for (const word of text.slice(end).split(/\s+/)) words.set(word, (words.get(word) ?? 0) + 1)
  const whole = JSON.stringify({ number, fields: [...fields], words: [...words] })
  const copy = Buffer.concat([Buffer.from(whole), mail])
  return createHash('sha256').update(copy).digest()[0]! + (JSON.parse(whole) as { number: number }).number
}

servePart<LoopQuestions>(async ({ seconds }) => {
  const messages = new Messages(SIZE, 'loop')
  const mails = Array.from({ length: 16 }, (_, n) => Buffer.concat([Buffer.from(messages.head(n)), messages.tail(n)]))
  const startMs = performance.now()
  const endMs = startMs + seconds * 1000
  let [count, sum] = [0, 0]
  while (performance.now() < endMs) {
    for (let at = 0; at < BLOCK; at++) sum += pass(mails[count % mails.length]!, count++)
    await new Promise(setImmediate)
  }
  const errors = Number.isFinite(sum) ? [] : ['the loop has lost count']
  const elapsedMs = performance.now() - startMs
  return { messages: count, bytes: count * SIZE, elapsedMs, latencies: new Float64Array(0), errors }
})
