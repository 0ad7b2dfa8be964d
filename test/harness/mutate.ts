/** Changes octets of something good: what fuzzers do, but through fast-check, so that a failure is made small and can be played again. */
import fc from 'fast-check'

export interface Mutation {
  readonly kind: 'replace' | 'insert' | 'cut' | 'repeat' | 'swap'
  /** Place, as a share of the length. */
  readonly at: number
  readonly octets: Uint8Array
  readonly length: number
}

const nasty = fc.constantFrom(
  '\r',
  '\n',
  '\r\n',
  '\0',
  '\r\n.\r\n',
  '\x80',
  '\xff',
  '<',
  '>',
  '"',
  '\\',
  '+',
  '=',
  '%',
  '[',
  ' ',
  '99999999999',
)

export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('replace', 'insert', 'cut', 'repeat', 'swap'),
    at: fc.nat(9999).map(tenThousandths => tenThousandths / 10_000),
    octets: fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 6 }),
      nasty.map(text => Buffer.from(text, 'latin1')),
    ),
    length: fc.integer({ min: 1, max: 40 }),
  }),
  { minLength: 1, maxLength: 8 },
)

/** At most doubles its input for each mutation that repeats. */
export function mutate(octets: Buffer, changes: readonly Mutation[]): Buffer {
  return changes.reduce<Buffer>((now, change) => apply(now, change), octets)
}

function apply(octets: Buffer, { kind, at, octets: other, length }: Mutation): Buffer {
  const place = Math.floor(at * octets.length)
  const [before, here, after] = [
    octets.subarray(0, place),
    octets.subarray(place, place + length),
    octets.subarray(place + length),
  ]
  switch (kind) {
    case 'replace':
      return Buffer.concat([before, other, octets.subarray(place + other.length)])
    case 'insert':
      return Buffer.concat([before, other, here, after])
    case 'cut':
      return Buffer.concat([before, after])
    case 'repeat':
      return Buffer.concat([before, here, here, after])
    case 'swap':
      return Buffer.concat([before, Buffer.from(here).reverse(), after])
  }
}
