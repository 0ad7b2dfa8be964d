/**
 * A record lock on a whole file that other mail programs respect (`fcntl`, what Debian's policy 11.6 wants first). Node.js has none, so a child takes it on
 * the file we have opened: an "open file description" lock (Linux) is held by what both have open, outlives the child, and ends when we close the file.
 * Perl, because Debian cannot be without it.
 */
import { spawn } from 'node:child_process'
import { Trouble } from '../trouble.js'

// F_OFD_SETLKW is 38, F_WRLCK 1; start and length 0 are the whole file. ALRM ends the wait, and the program with it.
const PROGRAM = `
  open(my $file, '+<&=', 3) or die "open: $!\\n";
  alarm(shift);
  my $lock = pack('s s x4 q q l x4', 1, 0, 0, 0, 0);
  fcntl($file, 38, $lock) or die "fcntl: $!\\n";
`
const MOST_WORDS = 500

/** Resolves when `fd` is locked; `Trouble` when somebody else holds the lock for all of the wait. */
export async function lockFile(fd: number, waitMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const seconds = String(Math.max(1, Math.ceil(waitMs / 1000)))
  const child = spawn('/usr/bin/perl', ['-e', PROGRAM, seconds], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    env: {},
    signal,
  })
  let words = ''
  child.stderr!.on('data', (chunk: Buffer) => {
    if (words.length < MOST_WORDS) words += chunk.toString()
  })
  const end = await new Promise<{ readonly code: number | null; readonly by: NodeJS.Signals | null }>(
    (resolve, reject) => {
      child.once('error', error => reject(signal.aborted ? signal.reason : noPerl(error)))
      child.once('close', (code, by) => resolve({ code, by }))
    },
  )
  if (end.code === 0) return
  if (end.by === 'SIGALRM') throw new Trouble('4.2.0', 'somebody else has locked the mailbox', 'fcntl lock is held')
  throw new Trouble('4.3.0', 'the mailbox cannot be locked', `fcntl lock: ${words.trim() || (end.by ?? end.code)}`)
}

function noPerl(error: Error): Trouble {
  const detail = 'fcntl locks are taken by /usr/bin/perl, which cannot be started; without it: locks: [dotlock]'
  return new Trouble('4.3.5', 'the mailbox cannot be locked', detail, error)
}
