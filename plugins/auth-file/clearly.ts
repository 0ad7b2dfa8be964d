/** Trouble with the accounts file is said in one sentence, not with a stack. */
import { CommandError, MailError } from 'posthouse/api'
import { NameTaken } from './book.js'
import { FileError } from './file-error.js'

export async function clearly(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof NameTaken) throw new CommandError(error.message)
    const reason = error instanceof MailError && error.cause !== undefined ? error.cause : error
    if (reason instanceof FileError) throw new CommandError(`accounts file: ${reason.message}`)
    const { code, syscall, path } = reason as NodeJS.ErrnoException
    if (typeof code === 'string' && syscall !== undefined) throw new CommandError(`${path ?? 'accounts file'}: ${code}`)
    throw error
  }
}
