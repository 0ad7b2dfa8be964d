/** Verifiers of ARC chains that we did not write: mailauth, dkimpy and Mail::DKIM. Each says `pass`, `fail` or `none` of each mail. */

import { join } from 'node:path'
import { arc as arcOf } from 'mailauth/lib/arc/index.js'
import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import { debianPython, PERL_RECORDS, type Records, resolverOf, VERIFIERS, withFiles } from './dkim-verifiers.js'
import { ROOT } from './instance.js'
import { runProgram } from './programs.js'
import { program } from './shared.js'

export interface ArcVerifier {
  readonly name: string
  readonly missing: string | false
  verify(mails: readonly Buffer[], records: Records): Promise<readonly string[]>
}

const missingOf = (name: string) => VERIFIERS.find(one => one.name === name)!.missing

export const ARC_VERIFIERS: readonly ArcVerifier[] = [
  { name: 'mailauth', missing: false, verify: byMailauth },
  { name: 'dkimpy', missing: missingOf('dkimpy'), verify: byDkimpy },
  { name: 'Mail::DKIM', missing: missingOf('Mail::DKIM'), verify: byMailDkim },
]

async function byMailauth(mails: readonly Buffer[], records: Records): Promise<readonly string[]> {
  const found: string[] = []
  for (const mail of mails) {
    const resolver = resolverOf(records) as never
    const { arc } = (await dkimVerify(mail, { resolver })) as unknown as { arc: Parameters<typeof arcOf>[0] }
    const { status } = await arcOf(arc, { resolver })
    found.push(status.result)
  }
  return found
}

async function byDkimpy(mails: readonly Buffer[], records: Records): Promise<readonly string[]> {
  return withFiles(mails, records, async (files, keys, folder) => {
    const args = [join(ROOT, 'test/clients/dkim_verify.py'), 'arc', keys, folder]
    const { stdout, stderr } = await runProgram(debianPython, args)
    if (stdout === '') throw new Error(stderr)
    const report = JSON.parse(stdout) as Record<string, (string | null)[]>
    return files.map(file => report[file.slice(folder.length + 1)]![0] ?? 'none')
  })
}

const PERL = `
use Mail::DKIM::ARC::Verifier;
my ($keys, @files) = @ARGV;
${PERL_RECORDS}
for my $file (@files) {
  my $v = Mail::DKIM::ARC::Verifier->new(Strict => 0);
  open(my $f, '<:raw', $file); { local $/; my $m = <$f>; $v->PRINT($m) } $v->CLOSE;
  print $v->result, "\\n";
}
`

async function byMailDkim(mails: readonly Buffer[], records: Records): Promise<readonly string[]> {
  return withFiles(mails, records, async (files, keys) => {
    const { stdout, stderr } = await runProgram(program('perl')!, ['-e', PERL, keys, ...files])
    const lines = stdout.split('\n').slice(0, -1)
    if (lines.length !== files.length) throw new Error(stderr)
    return lines
  })
}
