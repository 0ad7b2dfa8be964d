/** What the tests of the door share: a door that closes with its test, conversations with it, and its log. */
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseScripts, type RunOptions, runScript } from '../../harness/conversation.js'
import { type DoorOptions, SmtpDoor } from '../../harness/smtp-door.js'

export async function open(t: TestContext, options: DoorOptions = {}): Promise<SmtpDoor> {
  const door = await SmtpDoor.open(options)
  t.after(() => door.close())
  return door
}

export async function talk(door: SmtpDoor, text: string, options: Partial<RunOptions> = {}): Promise<void> {
  const script = text.replace(/^ +/gm, '').replaceAll('{envelope}', ENVELOPE)
  for (const one of parseScripts(script, 'script')) {
    await runScript(one, { port: door.port, ...options })
  }
}

/** A hook that does not let the client in before it has spoken, and the place in its script that says so. */
export function untilSpoken(): { readonly hook: () => Promise<void>; readonly reached: () => void } {
  let reached: () => void = () => undefined
  const spoken = new Promise<void>(resolve => {
    reached = resolve
  })
  const hook = async () => {
    await spoken
    // What was said lies in the kernel, and is read within a turn of the event loop.
    for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
  }
  return { hook, reached }
}

const ENVELOPE = `S: 220 …
C> HELO c.test\\r\\nMAIL FROM:<a@elsewhere.test>\\r\\nRCPT TO:<alice@example.test>\\r\\nDATA\\r\\n
S: 250 …
S: 250 …
S: 250 …
S: 354 …`

export async function logged(door: SmtpDoor, sentence: string): Promise<Readonly<Record<string, unknown>>> {
  for (const until = Date.now() + 60_000; Date.now() < until; await sleep(10)) {
    const line = door.log.lines.find(one => one.sentence === sentence)
    if (line !== undefined) return line.facts
  }
  throw new Error(`no line says: ${sentence}\n${door.log.lines.map(one => one.sentence).join('\n')}`)
}
