/**
 * What a stranger may try to have us carry mail to the world, and what must be heard: recipients however written. Used on a server as
 * shipped, and on one with every policy at its most lenient.
 */
import { connect, type Socket } from 'node:net'

export const OURS = ['example.test', 'bücher.test']
export const ALIASES = `friend@example.test: someone@world.test
'@bücher.test': alice@example.test
`

/** The last line of each reply to these commands, one after the other. */
export async function talk(port: number, commands: readonly string[]): Promise<string[]> {
  const socket = connect(port, '127.0.0.1')
  try {
    const replies = repliesOf(socket)
    await replies.next()
    const heard: string[] = []
    for (const command of commands) {
      socket.write(`${command}\r\n`)
      heard.push((await replies.next()).value ?? 'closed')
    }
    return heard
  } finally {
    socket.destroy()
  }
}

async function* repliesOf(socket: Socket): AsyncGenerator<string> {
  let text = ''
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    text += chunk.toString()
    for (let found = /^(?:\d{3}-.*\r\n)*(\d{3} .*)\r\n/.exec(text); found; ) {
      text = text.slice(found[0].length)
      yield found[1]!
      found = /^(?:\d{3}-.*\r\n)*(\d{3} .*)\r\n/.exec(text)
    }
  }
}

/** `RCPT TO:` and what is heard. */
export const PATHS = [
  // Ours, however written.
  ['<alice@example.test>', /^250 /],
  ['<ALICE@EXAMPLE.TEST>', /^250 /],
  ['<alice@example.test.>', /^250 /],
  ['<"alice"@example.test>', /^250 /],
  ['<@a.test,@b.test:alice@example.test>', /^250 /],
  ['<alice+tag@example.test>', /^250 /],
  ['<anyone@bücher.test>', /^250 /],
  ['<anyone@BÜCHER.test>', /^250 /],
  ['<anyone@xn--bcher-kva.test>', /^250 /],
  ['<postmaster>', /^250 /],
  ['<friend@example.test>', /^250 /],
  ['<x@relayed.test>', /^250 /],
  // Elsewhere.
  ['<x@world.test>', /^550 5\.7\.1 /],
  ['<@example.test:x@world.test>', /^550 5\.7\.1 /],
  ['<x@sub.example.test>', /^550 5\.7\.1 /],
  ['<x@example.test.world.test>', /^550 5\.7\.1 /],
  ['<x@[127.0.0.1]>', /^550 5\.7\.1 /],
  ['<x@[IPv6:::1]>', /^550 5\.7\.1 /],
  ['<x@localhost>', /^550 5\.7\.1 /],
  // Elsewhere behind something that looks like ours.
  ['<x%world.test@example.test>', /^550 5\.1\.1 /],
  ['<world.test!x@example.test>', /^550 5\.1\.1 /],
  ['<"x@world.test"@example.test>', /^550 5\.1\.1 /],
  ['<"friend@example.test"@example.test>', /^550 5\.1\.1 /],
  ['<alice+x@world.test@example.test>', /^50[01] |^553 /],
  ['<x%world.test@relayed.test>', /^550 5\.7\.1 /],
  ['<world.test!x@relayed.test>', /^550 5\.7\.1 /],
  ['<"x@world.test"@relayed.test>', /^550 5\.7\.1 /],
  ['<@relayed.test:x@world.test>', /^550 5\.7\.1 /],
  ['<x@world.test@relayed.test>', /^50[01] |^553 /],
  ['<x@world.test,alice@example.test>', /^50[01] |^553 /],
  ['<x@world.test>,<alice@example.test>', /^50[01] |^553 /],
  ['<x@world.test%00@example.test>', /^50[01] |^553 /],
  ['<>', /^50[01] |^553 /],
] as const
