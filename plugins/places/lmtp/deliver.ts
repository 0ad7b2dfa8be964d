/** Mail to another server by LMTP (RFC 2033): a connection for each job, over a Unix socket or a network we trust. What is said there is said by the service mail-client. */
import { connect, type Socket } from 'node:net'
import type { Call, Job, JobRecipient, MailClient, Outcome } from 'posthouse/api'
import { formatEndpoint } from 'posthouse/text'
import type { LmtpPlace } from '../place.js'
import { Trouble } from '../trouble.js'

const CONNECT_MS = 10_000

export async function deliverByLmtp(
  { endpoint, name }: LmtpPlace,
  client: MailClient,
  job: Job,
  recipients: readonly JobRecipient[],
  call: Call,
): Promise<readonly Outcome[]> {
  const where = formatEndpoint(endpoint)
  const socket = endpoint.kind === 'unix' ? connect({ path: endpoint.path }) : connect({ ...endpoint, noDelay: true })
  try {
    await opened(socket, where, call.signal)
    const remote = { address: endpoint.kind === 'unix' ? where : endpoint.host, port: socket.remotePort ?? 0 }
    const link = await client.open(socket, { name, remote, protocol: 'lmtp' }, call)
    try {
      return await link.deliver({ ...job, recipients }, call)
    } finally {
      await link.quit()
    }
  } catch (error) {
    if (error instanceof Trouble || call.signal.aborted) throw error
    // Its words may be anything; they stand in the log.
    throw new Trouble('4.4.2', 'the server that keeps the mailbox does not talk to us', messageOf(error), error)
  } finally {
    socket.destroy()
  }
}

async function opened(socket: Socket, where: string, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let cancel: (() => void) | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string, cause?: unknown) =>
        reject(new Trouble('4.4.1', 'the server that keeps the mailbox cannot be reached', `${where}: ${why}`, cause))
      socket.once('connect', resolve).once('error', error => fail(error.message, error))
      timer = setTimeout(() => fail(`no connection within ${CONNECT_MS} ms`), CONNECT_MS)
      cancel = () => fail('cancelled')
      signal.addEventListener('abort', cancel, { once: true })
      if (signal.aborted) cancel()
    })
  } finally {
    clearTimeout(timer)
    if (cancel !== undefined) signal.removeEventListener('abort', cancel)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
