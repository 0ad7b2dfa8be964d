/** Chains of others: what dkimpy and Mail::DKIM have sealed is good for us. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ARC_VERIFIERS } from '../../harness/arc-verifiers.js'
import { debianPython, PERL_RECORDS } from '../../harness/dkim-verifiers.js'
import { runProgram } from '../../harness/programs.js'
import { program } from '../../harness/shared.js'
import { arrived, field, MAIL, other, records, sealed, US } from './sealed.js'

const DKIMPY = `
import sys, dkim
data, key = open(sys.argv[1], "rb").read(), open(sys.argv[2], "rb").read()
fields = dkim.arc_sign(data, b"o1", b"first.test", key, b"first.test")
sys.stdout.buffer.write(b"".join(fields) + data)
`

const MAIL_DKIM = (keys: string) => `
use Mail::DKIM::ARC::Signer;
my ($file, $key) = @ARGV; our $keys; $keys = '${keys}';
${PERL_RECORDS}
my $s = Mail::DKIM::ARC::Signer->new(Algorithm => 'rsa-sha256', Chain => 'ar', Domain => 'first.test', SrvId => 'first.test', Selector => 'o1', KeyFile => $key);
open(my $f, '<:raw', $file); my $m; { local $/; $m = <$f> } $s->PRINT($m); $s->CLOSE;
die $s->result unless $s->result eq 'sealed';
print join("", map { "$_\r\n" } $s->as_strings), $m;
`

describe('chains of others', () => {
  let dir: string
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'posthouse-arc-'))
    await writeFile(join(dir, 'key.pem'), other.pem)
    await writeFile(join(dir, 'keys'), [...records].map(([name, text]) => `${name} ${text}\n`).join(''))
  })
  after(() => rm(dir, { recursive: true, force: true }))

  const makers = {
    dkimpy: (mail: string) => runProgram(debianPython, ['-c', DKIMPY, mail, join(dir, 'key.pem')]),
    'Mail::DKIM': (mail: string) =>
      runProgram(program('perl')!, ['-e', MAIL_DKIM(join(dir, 'keys')), mail, join(dir, 'key.pem')]),
  }

  /** It seals what the field in front says. */
  async function bySomebody(name: keyof typeof makers, mail: Buffer): Promise<Buffer> {
    const path = join(dir, `${name}.eml`)
    const before = mail.includes('ARC-Seal:') ? 'pass' : 'none'
    const results = `Authentication-Results: first.test; spf=pass; arc=${before}\r\n`
    await writeFile(path, Buffer.concat([Buffer.from(results), mail]))
    const { stdout, stderr } = await makers[name](path)
    assert.match(stdout, /^ARC-Seal/, stderr)
    // one of them ends its lines in a way of its own
    return Buffer.from(stdout.replace(/\r*\n/g, '\r\n'), 'latin1')
  }

  for (const name of ['dkimpy', 'Mail::DKIM'] as const) {
    const { missing } = ARC_VERIFIERS.find(one => one.name === name)!
    test(`of ${name} are good for us, and ours on top of them for everybody`, { skip: missing }, async () => {
      const one = await bySomebody(name, MAIL)
      assert.equal(await arrived(one), `${US}; arc=pass`)
      const two = await sealed(one)
      assert.equal(field(two, 'ARC-Seal').length, 2)
      for (const { name: by, missing: gone, verify: look } of ARC_VERIFIERS)
        if (gone === false) assert.deepEqual(await look([one, two], records), ['pass', 'pass'], by)
    })
  }

  test('of dkimpy on top of ours are good for us', { skip: ARC_VERIFIERS[1]!.missing }, async () => {
    assert.equal(await arrived(await bySomebody('dkimpy', await sealed(MAIL))), `${US}; arc=pass`)
  })
})
