/** The accounts file, or the lock beside it, is not as it should be; in words for whoever runs a command. */
export class FileError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'FileError'
  }
}
