/** A name server of few names, for what would be asked of the world: answers by UDP from a table, and says of all else that it is not there. A process of its own. */
import { createSocket } from 'node:dgram'
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode, RECURSION_AVAILABLE } from 'dns-packet'
import { servePart } from './part.js'

export interface NameServerQuestions {
  /** `TXT first.test` → what is there. */
  readonly ask: { readonly records: Readonly<Record<string, readonly string[]>> }
  readonly answer: { readonly address: string }
}

const NXDOMAIN = 3

servePart<NameServerQuestions>(async ({ records }) => {
  const table = new Map(Object.entries(records))
  const socket = createSocket('udp4')
  socket.on('message', (octets, from) => {
    const { id, questions = [] } = decode(octets)
    const [question] = questions
    if (question === undefined) return
    const { type, name } = question
    const found = table.get(`${type} ${name.toLowerCase()}`) ?? []
    const answers = found.map(text => ({ type, name, ttl: 60, data: dataOf(type, text) })) as Answer[]
    const known = found.length > 0 || [...table.keys()].some(key => key.endsWith(` ${name.toLowerCase()}`))
    const flags = RECURSION_AVAILABLE | AUTHORITATIVE_ANSWER | (known ? 0 : NXDOMAIN)
    socket.send(
      encode({ type: 'response', ...(id === undefined ? {} : { id }), flags, questions, answers }),
      from.port,
      from.address,
    )
  })
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
  return { address: `127.0.0.1:${socket.address().port}` }
})

function dataOf(type: string, text: string): unknown {
  if (type === 'MX') return { preference: 10, exchange: text }
  return type === 'TXT' ? (text.match(/.{1,255}/gs) ?? ['']) : text
}
