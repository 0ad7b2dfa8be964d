/**
 * A record lock on a whole file that other mail programs respect (`fcntl`, what Debian's policy 11.6 wants first). Node.js has none, so a child takes it on
 * the file we have opened: an "open file description" lock (Linux) is held by what both have open, outlives the child, and ends when we close the file.
 * Perl, because Debian cannot be without it.
 */
import { spawn } from 'node:child_process'
import { Trouble } from '../trouble.js'

/** Its exit code. */
const HELD = 1
// F_OFD_SETLK is 37, F_OFD_SETLKW 38, F_WRLCK 1; start and length 0 are the whole file. ALRM ends the wait, and the program with it.
const PROGRAM = `
  use Errno;
  open(my $file, '+<&=', 3) or die "open: $!\\n";
  my $wait = shift;
  alarm($wait);
  my $lock = pack('s s x4 q q l x4', 1, 0, 0, 0, 0);
  fcntl($file, $wait ? 38 : 37, $lock) or $!{EAGAIN} ? exit(${HELD}) : die "fcntl: $!\\n";
`
const MOST_WORDS = 500

/** Whether `fd` is locked now; not so when somebody else holds the lock for all of the wait. */
export async function lockFile(fd: number, waitMs: number, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted()
  const seconds = String(Math.ceil(waitMs / 1000))
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
  if (end.code === 0) return true
  if (end.code === HELD || end.by === 'SIGALRM') return false
  throw new Trouble('4.3.0', 'the mailbox cannot be locked', `fcntl lock: ${words.trim() || (end.by ?? end.code)}`)
}

function noPerl(error: Error): Trouble {
  const detail = 'fcntl locks are taken by /usr/bin/perl, which cannot be started; without it: locks: [dotlock]'
  return new Trouble('4.3.5', 'the mailbox cannot be locked', detail, error)
}
