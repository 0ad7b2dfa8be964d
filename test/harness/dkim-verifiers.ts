/**
 * Verifiers of signatures that we did not write: mailauth, OpenDKIM, dkimpy and Mail::DKIM. Each is given mails and the records of their keys,
 * and says of each mail what became of each of its signatures.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import { ROOT } from './instance.js'
import { runProgram } from './programs.js'
import { program } from './shared.js'

/** Name of a record → its text. */
export type Records = ReadonlyMap<string, string>
/** Of each mail, of each signature from the top: `true`, or what is wrong. */
export type Findings = readonly (readonly (true | string)[])[]

export interface Verifier {
  readonly name: string
  /** Why it is not here. */
  readonly missing: string | false
  /** It knows no Ed25519 (RFC 8463). */
  readonly rsaOnly?: true
  verify(mails: readonly Buffer[], records: Records): Promise<Findings>
}

export const debianPython = '/usr/bin/python3'

export const VERIFIERS: readonly Verifier[] = [
  { name: 'mailauth', missing: false, verify: byMailauth },
  { name: 'OpenDKIM', missing: program('opendkim') === undefined ? 'no opendkim' : false, verify: byOpenDkim },
  {
    name: 'dkimpy',
    missing: await missingHere([debianPython, ['-c', 'import dkim, authres']], 'no python3-dkim and python3-authres'),
    verify: byDkimpy,
  },
  {
    name: 'Mail::DKIM',
    missing: await missingHere(['perl', ['-MMail::DKIM::Verifier', '-e', '1']], 'no libmail-dkim-perl'),
    rsaOnly: true,
    verify: byMailDkim,
  },
]

async function missingHere(
  [name, args]: readonly [string, readonly string[]],
  reason: string,
): Promise<string | false> {
  const path = name.startsWith('/') ? name : program(name)
  if (path === undefined) return reason
  const ran = await runProgram(path, args).catch(() => undefined)
  return ran?.code === 0 ? false : reason
}

/** For resolvers that speak as node:dns does. */
export function resolverOf(records: Records) {
  return async (name: string, type: string): Promise<string[][]> => {
    const text = type === 'TXT' ? records.get(name.toLowerCase()) : undefined
    if (text === undefined) throw Object.assign(new Error(`no ${type} ${name}`), { code: 'ENOTFOUND' })
    return [[text]]
  }
}

async function byMailauth(mails: readonly Buffer[], records: Records): Promise<Findings> {
  const findings: (true | string)[][] = []
  for (const mail of mails) {
    const { results } = await dkimVerify(mail, { resolver: resolverOf(records) as never })
    findings.push(
      results
        .filter(({ status }) => status.result !== 'none')
        .map(({ status }) => status.result === 'pass' || `${status.result} ${status.comment ?? ''}`),
    )
  }
  return findings
}

/** OpenDKIM ends with the first signature that is good: each is shown to it alone. */
async function byOpenDkim(mails: readonly Buffer[], records: Records): Promise<Findings> {
  return withFiles(mails.flatMap(eachSignatureAlone).map(withLineEnd), records, async (files, keys, folder) => {
    const conf = join(folder, 'opendkim.conf')
    await writeFile(conf, `Mode v\nTestPublicKeys ${keys}\nMinimumKeyBits 0\n`)
    const said: (true | string)[] = []
    for (let at = 0; at < files.length; at += 50) {
      const some = files.slice(at, at + 50)
      const { stdout, stderr } = await runProgram(program('opendkim')!, ['-x', conf, '-v', '-t', some.join(',')])
      const lines = `${stdout}${stderr}`.split('\n')
      for (const file of some) {
        const line = lines.find(one => one.includes(`${file}: `) && !one.includes('returned SMFIS_')) ?? 'nothing said'
        said.push(line.includes('succeeded') || line)
      }
    }
    return regroup(mails, said)
  })
}

async function byDkimpy(mails: readonly Buffer[], records: Records): Promise<Findings> {
  return withFiles(mails, records, async (files, keys, folder) => {
    const args = [join(ROOT, 'test/clients/dkim_verify.py'), 'dkim', keys, folder]
    const { stdout, stderr } = await runProgram(debianPython, args)
    if (stdout === '') throw new Error(stderr)
    const report = JSON.parse(stdout) as Record<string, (boolean | string)[]>
    return files.map(file => report[file.slice(folder.length + 1)]!.map(one => one === true || String(one)))
  })
}

/** Mail::DKIM asks our records in the place of the name service. */
export const PERL_RECORDS = `
my %records;
open(my $k, '<', $keys); while (<$k>) { chomp; my ($n, $t) = split / /, $_, 2; $records{lc $n} = $t }
{ no warnings; require Mail::DKIM::DNS;
  package Answer; sub new { bless { text => $_[1] }, $_[0] } sub type { 'TXT' } sub txtdata { $_[0]{text} } sub char_str_list { $_[0]{text} }
  package main;
  *Mail::DKIM::DNS::query = sub { my ($name) = @_; my $t = $records{lc $name}; defined $t ? (Answer->new($t)) : () };
  *Mail::DKIM::DNS::query_async = sub { my ($name, $type, %p) = @_; my $t = $records{lc $name};
    my @r = defined $t ? (Answer->new($t)) : (); my $on = $p{Callbacks}{Success}; my @got = $on ? $on->(@r) : @r;
    return sub { wantarray ? @got : $got[0] } } }
`

const PERL = `
use Mail::DKIM::Verifier;
my ($keys, @files) = @ARGV;
${PERL_RECORDS}
for my $file (@files) {
  my $v = Mail::DKIM::Verifier->new(Strict => 0);
  open(my $f, '<:raw', $file); { local $/; my $m = <$f>; $v->PRINT($m) } $v->CLOSE;
  print join("\\t", map { $_->result_detail } $v->signatures), "\\n";
}
`

async function byMailDkim(mails: readonly Buffer[], records: Records): Promise<Findings> {
  return withFiles(mails, records, async (files, keys) => {
    const { stdout, stderr } = await runProgram(program('perl')!, ['-e', PERL, keys, ...files])
    const lines = stdout.split('\n').slice(0, -1)
    if (lines.length !== files.length) throw new Error(stderr)
    return lines.map(line => line.split('\t').map(one => one === 'pass' || one))
  })
}

export async function withFiles<T>(
  mails: readonly Buffer[],
  records: Records,
  work: (files: readonly string[], keys: string, folder: string) => Promise<T>,
): Promise<T> {
  const parent = await mkdtemp(join(tmpdir(), 'posthouse-verify-'))
  try {
    const keys = `${parent}.keys`
    await writeFile(keys, [...records].map(([name, text]) => `${name} ${text}\n`).join(''))
    const files: string[] = []
    for (const [i, mail] of mails.entries()) {
      const path = join(parent, `${String(i).padStart(5, '0')}.eml`)
      await writeFile(path, mail)
      files.push(path)
    }
    const findings = await work(files, keys, parent)
    await rm(keys)
    return findings
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
}

const SIGNATURE = /(?<=^|\r\n)DKIM-Signature:.*\r\n(?:[ \t].*\r\n)*/gi

/** The header's own: what looks like one in the body is none. */
function signaturesOf(mail: Buffer): readonly string[] {
  const text = mail.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  return text.slice(0, end < 0 ? text.length : end + 2).match(SIGNATURE) ?? []
}

function eachSignatureAlone(mail: Buffer): readonly Buffer[] {
  const text = mail.toString('latin1')
  const all = signaturesOf(mail)
  return all.map(kept =>
    Buffer.from(
      all.reduce((left, one) => (one === kept ? left : left.replace(one, () => '')), text),
      'latin1',
    ),
  )
}

/** Its test mode does not see the last line without one; both canonical forms add it (RFC 6376 §3.4.3, §3.4.4). */
function withLineEnd(mail: Buffer): Buffer {
  return mail.subarray(-2).toString('latin1') === '\r\n' ? mail : Buffer.concat([mail, Buffer.from('\r\n')])
}

function regroup(mails: readonly Buffer[], said: readonly (true | string)[]): Findings {
  let at = 0
  return mails.map(mail => {
    const count = signaturesOf(mail).length
    at += count
    return said.slice(at - count, at)
  })
}
