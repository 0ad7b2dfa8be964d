/** One client that asks for much and reads fast must not hold up everybody else: long answers leave the event loop its turns. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { Output as ImapOutput } from '../../../plugins/imap/output.js'
import { Output as Pop3Output } from '../../../plugins/pop3/output.js'

/** A peer that reads everything at once, so that no write ever waits. */
function fastReader(): Socket {
  return new Writable({ write: (_chunk, _encoding, done) => done(), highWaterMark: 1e9 }) as unknown as Socket
}

for (const [name, output] of [
  ['IMAP', () => new ImapOutput(fastReader(), 1000)],
  ['POP3', () => new Pop3Output(fastReader(), 1000)],
] as const) {
  test(`a long ${name} answer to a client that reads at once lets others have their turn`, async () => {
    const out = output()
    let turns = 0
    const other = setInterval(() => (turns += 1), 5)
    // Without its turns the other waits for ever, and this does not end.
    for (let lines = 0; turns < 3; lines++) {
      assert.ok(lines < 100_000_000, `${turns} turns in ${lines} lines`)
      out.line('a line of a long answer')
      await out.room()
    }
    clearInterval(other)
  })
}
