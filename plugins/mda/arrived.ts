/** A message as wishes of mailbox owners look at it. The beginning of it is read once for all recipients of a job, and only when somebody asks. */
import type { ArrivedMail, HeaderField, Job, JobRecipient } from 'posthouse/api'
import { scanHeader } from 'posthouse/text'

/** What stands further down is no trace of a delivery, and no wish looks at it. */
const HEADER_BYTES = 64 * 1024
/** Nearly all headers are shorter, and reading copies. */
const USUAL_BYTES = 8 * 1024
const HEADER_END = '\r\n\r\n'

/** The header of a job's message, as far as anybody looks. */
export class Beginning {
  readonly #job: Job
  #bytes: Promise<Buffer> | undefined
  #fields: Promise<readonly HeaderField[]> | undefined

  constructor(job: Job) {
    this.#job = job
  }

  bytes(): Promise<Buffer> {
    this.#bytes ??= headerOf(this.#job)
    return this.#bytes
  }

  fields(): Promise<readonly HeaderField[]> {
    this.#fields ??= this.bytes().then(bytes => scanHeader(bytes).fields)
    return this.#fields
  }
}

async function headerOf(job: Job): Promise<Buffer> {
  const start = await job.read(0, Math.min(job.size, USUAL_BYTES))
  const end = start.indexOf(HEADER_END)
  if (end >= 0) return start.subarray(0, end + HEADER_END.length)
  return job.size <= USUAL_BYTES ? start : job.read(0, Math.min(job.size, HEADER_BYTES))
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
