/**
 * Mail in a file, for commands that say something of it. Files have lines as Unix writes them and come out of mailboxes; hooks see mail as it came
 * over the wire, so it is made that here.
 */
import { readFile, stat } from 'node:fs/promises'
import { CommandError } from './command.js'

const MAX_BYTES = 64 * 1024 * 1024

/** Lines end in CRLF, unless some did already; an mbox line in front, which is no field, is gone. Throws `CommandError`. */
export async function readMailFile(path: string): Promise<Buffer> {
  const octets = await octetsOf(path)
  const mail = octets.subarray(0, 5).toString('latin1') === 'From ' ? octets.subarray(octets.indexOf(10) + 1) : octets
  return mail.includes('\r\n') ? mail : Buffer.from(mail.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')
}

async function octetsOf(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path)
    if (size > MAX_BYTES) throw new CommandError(`${path} is larger than ${MAX_BYTES} octets`)
    return await readFile(path)
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw new CommandError(`${path} cannot be read: ${error instanceof Error && 'code' in error ? error.code : error}`)
  }
}
