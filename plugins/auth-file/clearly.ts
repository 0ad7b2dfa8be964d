/** Trouble with the accounts file is said in one sentence, not with a stack. */
import { CommandError } from 'posthouse/api'
import { FileError } from './accounts-file.js'

export async function clearly(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof FileError) throw new CommandError(`accounts file: ${error.message}`)
    const { code, syscall, path } = error as NodeJS.ErrnoException
    if (typeof code === 'string' && syscall !== undefined) throw new CommandError(`${path ?? 'accounts file'}: ${code}`)
    throw error
  }
}
