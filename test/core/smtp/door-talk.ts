/** What the tests of the door share: a door that closes with its test, conversations with it, and its log. */
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseScripts, runScript } from '../../harness/conversation.js'
import { type DoorOptions, SmtpDoor } from '../../harness/smtp-door.js'

export async function open(t: TestContext, options: DoorOptions = {}): Promise<SmtpDoor> {
  const door = await SmtpDoor.open(options)
  t.after(() => door.close())
  return door
}

export async function talk(door: SmtpDoor, text: string, implicitTls = false): Promise<void> {
  const script = text.replace(/^ +/gm, '').replaceAll('{envelope}', ENVELOPE)
  for (const one of parseScripts(script, 'script')) {
    await runScript(one, { port: door.port, implicitTls })
  }
}

const ENVELOPE = `S: 220 …
C> HELO c.test\\r\\nMAIL FROM:<a@elsewhere.test>\\r\\nRCPT TO:<alice@example.test>\\r\\nDATA\\r\\n
S: 250 …
S: 250 …
S: 250 …
S: 354 …`

export async function logged(door: SmtpDoor, sentence: string): Promise<Readonly<Record<string, unknown>>> {
  for (let tries = 0; tries < 100; tries++) {
    const line = door.log.lines.find(one => one.sentence === sentence)
    if (line !== undefined) return line.facts
    await sleep(10)
  }
  throw new Error(`no line says: ${sentence}\n${door.log.lines.map(one => one.sentence).join('\n')}`)
}
