/** A message as wishes of mailbox owners look at it. The beginning of it is read once for all recipients of a job, and only when somebody asks. */
import type { ArrivedMail, HeaderField, Job, JobRecipient } from 'posthouse/api'
import { scanHeader } from 'posthouse/text'

/** What stands further down is no trace of a delivery, and no wish looks at it. */
const HEADER_BYTES = 64 * 1024

/** The beginning of a job's message. */
export class Beginning {
  readonly #job: Job
  #bytes: Promise<Buffer> | undefined
  #fields: Promise<readonly HeaderField[]> | undefined

  constructor(job: Job) {
    this.#job = job
  }

  bytes(): Promise<Buffer> {
    this.#bytes ??= this.#job.read(0, Math.min(this.#job.size, HEADER_BYTES))
    return this.#bytes
  }

  fields(): Promise<readonly HeaderField[]> {
    this.#fields ??= this.bytes().then(bytes => scanHeader(bytes).fields)
    return this.#fields
  }
}

export function arrivedMail(
  { id, sender, size }: Job,
  { original, detail, quarantine }: JobRecipient,
  beginning: Beginning,
): ArrivedMail {
  return {
    id,
    sender,
    recipient: original,
    size,
    ...(detail.tag === undefined ? {} : { tag: detail.tag }),
    ...(quarantine === undefined ? {} : { junk: quarantine }),
    header: () => beginning.fields(),
  }
}
