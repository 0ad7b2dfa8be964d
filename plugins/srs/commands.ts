/** `posthouse srs show`: what an address stands for. */
import { type Command, CommandError } from 'posthouse/api'
import { formatAddress, parseAddress, printable } from 'posthouse/text'
import { read, type Scheme } from './address.js'

export interface CommandParts {
  readonly scheme: () => Promise<Scheme>
  readonly now: () => number
}

export function srsCommands({ scheme, now }: CommandParts): readonly Command[] {
  return [
    {
      name: 'srs show',
      summary: 'show whose address a rewritten sender stands for, and whether it is still good',
      usage: 'ADDRESS',
      arity: [1, 1],
      async run({ args, json, print }) {
        const address = parseAddress(args[0]!)
        if (address === undefined) throw new CommandError(`${printable(args[0]!, 100)} is no address`, 2)
        const found = read(address.local, await scheme(), now())
        if (found.kind !== 'good') throw new CommandError(WHY[found.kind])
        const to = formatAddress(found.to)
        if (json)
          return print(JSON.stringify({ to, ...(found.ageDays === undefined ? {} : { ageDays: found.ageDays }) }))
        print(`${printable(to, 300)}${found.ageDays === undefined ? '' : `, made ${found.ageDays} days ago`}`)
      },
    },
  ]
}

const WHY = {
  other: 'that is no rewritten address',
  forged: 'that address was not made here',
  expired: 'that address was made here, and its time is over',
} as const
