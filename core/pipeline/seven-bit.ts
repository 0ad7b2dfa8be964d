/**
 * The variant of a job for peers that take only 7 bits: converted first and signed then, as a signature is over the octets that go out.
 */
import type { Job, SevenBit } from '../api/index.js'
import { conversionOf, converted, preceded } from '../text/index.js'

/** Fields that go in front, as text; '' for none. */
export type SignText = (job: Job) => Promise<string>

/** `unsigned`: without signatures; `job`: as it goes to peers that take 8 bits. */
export async function sevenBitOf(unsigned: Job, job: Job, sign: SignText): Promise<SevenBit> {
  const found = await conversionOf(unsigned, unsigned.body === 'BINARYMIME')
  switch (found.kind) {
    case 'impossible':
      return { kind: 'impossible', status: found.status, text: `it cannot be made 7-bit: ${found.why}` }
    case 'needless':
      return { kind: 'job', job: itself({ ...job, body: '7BIT' }) }
    case 'edits': {
      const octets = await converted(unsigned, found.edits)
      const plain = itself({ ...unsigned, ...octets, body: '7BIT' })
      const head = await sign(plain)
      return {
        kind: 'job',
        job: itself({ ...plain, ...preceded(octets, Buffer.from(head)), prefix: head + plain.prefix }),
      }
    }
  }
}

function itself(made: Omit<Job, 'sevenBit'>): Job {
  const job: Job = { ...made, sevenBit: async () => ({ kind: 'job', job }) }
  return job
}
