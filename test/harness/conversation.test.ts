/** The conversation runner itself: a script that goes otherwise must fail, and say where. */
import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { parseScripts, runScript } from './conversation.js'

const sockets = new Set<Socket>()
const server = createServer(socket => {
  sockets.add(socket)
  socket.on('error', () => undefined)
  socket.write('* OK [UIDVALIDITY 42] ready\r\n')
  socket.on('data', chunk => {
    for (const line of chunk.toString().split('\r\n').filter(Boolean)) {
      if (line === 'bye') socket.end()
      else for (const one of sockets) if (one === socket || line.startsWith('all')) one.write(`you said ${line}\r\n`)
    }
  })
})
let port = 0

before(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
after(() => {
  for (const socket of sockets) socket.destroy()
  server.close()
})

async function run(text: string): Promise<void> {
  for (const script of parseScripts(text, 'x.conv')) await runScript(script, { port, timeoutMs: 300 })
}

test('prefixes, patterns, variables, any lines, several clients and the end', async () => {
  await run(`
# a comment
=== one
S: /^\\* OK \\[UIDVALIDITY (?<validity>\\d+)\\]/
C2: <open>
S2: * OK…
C: all hear \${validity}
S: you said all hear 42
S2: you said all hear \${validity}
C> a\\r\\nb\\x0d\\x0ac%{3*x}\\r\\n
S: <any>
S: /^you said cx{3}$/
S: <silence 20>
C: bye
S: <closed>
=== two
S: …
`)
})

for (const [what, script, says] of [
  [
    'a line that differs',
    'S: …\nC: a\nS: you said b',
    /x\.conv:3: expected: you said b\s+but got: {2}you said a[\s\S]*C1: a/,
  ],
  ['an early end', 'S: …\nC: bye\nS: more', /x\.conv:3: expected: more\s+but the server closed/],
  ['a line instead of the end', 'S: …\nC: a\nS: <closed>', /x\.conv:3: expected the end/],
  ['a line instead of silence', 'S: …\nC: a\nS: <silence 50>', /x\.conv:3: expected silence/],
  ['nothing', 'S: …\nS: more', /x\.conv:2: nothing came within 300 ms/],
  ['a step that is none', 'S: …\nX: y', /x\.conv:2: not a step: X: y/],
] as const) {
  test(`${what} fails with file and line`, async () => {
    await assert.rejects(run(script), says)
  })
}
