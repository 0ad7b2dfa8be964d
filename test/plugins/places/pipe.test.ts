/** Programs that take mail: what they are given, what their end means, and what they may not do. */
import assert from 'node:assert/strict'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { eventually } from '../../harness/instance.js'
import { aJob, type Delivered, deliver, folder, type JobWish, short } from './house.js'

async function script(t: TestContext, text: string): Promise<{ readonly dir: string; readonly path: string }> {
  const dir = await folder(t)
  const path = join(dir, 'program')
  await writeFile(path, `#!/bin/sh\n${text.replaceAll('DIR', dir)}\n`)
  await chmod(path, 0o755)
  return { dir, path }
}

async function run(t: TestContext, text: string, more: object = {}, wish: JobWish = {}): Promise<Delivered> {
  const { path } = await script(t, text)
  return deliver({ pipe: [path], ...more }, aJob([{}], wish))
}

describe('what a program is given', () => {
  test('the message with LF on its standard input, our fields in front', async t => {
    const { path, dir } = await script(t, 'cat > DIR/got')
    const { outcomes } = await deliver({ pipe: [path] }, aJob([{}]))
    assert.deepEqual(outcomes, [{ kind: 'delivered', row: 0, remote: `pipe ${path} (here)`, reply: '', final: true }])
    assert.equal(
      await readFile(join(dir, 'got'), 'utf8'),
      'Return-Path: <sender@far.test>\nDelivered-To: alice@example.test\nReceived: from there\nSubject: hello\n\nHello\n',
    )
  })

  test('facts of the mail in its environment, and nothing of ours', async t => {
    process.env.POSTHOUSE_SECRET = 'nobody shall know'
    t.after(() => delete process.env.POSTHOUSE_SECRET)
    const { path, dir } = await script(t, '/usr/bin/env > DIR/got; pwd >> DIR/got')
    const detail = { account: 'aalice', place: 'here', tag: 'shop' }
    const to = { local: 'alice+shop', domain: 'example.test' }
    await deliver({ pipe: [path] }, aJob([{ to, original: to, detail, quarantine: 'spam\n' }]))
    const got = (await readFile(join(dir, 'got'), 'utf8')).split('\n').filter(Boolean)
    const inherited = /^(_|PWD|SHLVL|OLDPWD)=/
    assert.deepEqual(got.filter(line => !inherited.test(line)).sort(), [
      '/',
      'DOMAIN=example.test',
      'EXTENSION=shop',
      'LANG=C.UTF-8',
      'LOCAL=alice',
      'ORIGINAL_RECIPIENT=alice+shop@example.test',
      'PATH=/usr/local/bin:/usr/bin:/bin',
      'QUARANTINE=spam?',
      'QUEUE_ID=q1.1',
      'RECIPIENT=alice+shop@example.test',
      'SENDER=sender@far.test',
      'SIZE=47',
      'USER=alice',
    ])
  })

  test('arguments as they are written, never through a shell', async t => {
    const { path, dir } = await script(t, 'printf "%s\\n" "$@" > DIR/got')
    const argv = [path, '-f', '{sender}', '--from={sender}', '$HOME;id', '{user}', '{tag}', '{unknown']
    for (const [local, first, within] of [
      ['-oQ/tmp', '_oQ/tmp@far.test', '-oQ/tmp@far.test'],
      ['a;$(id)`|', '_a___id____@far.test', '_a___id____@far.test'],
    ] as const) {
      await deliver({ pipe: argv }, aJob([{}], { sender: { local, domain: 'far.test' } }))
      const got = (await readFile(join(dir, 'got'), 'utf8')).split('\n')
      assert.deepEqual(got, ['-f', first, `--from=${within}`, '$HOME;id', 'alice', '', '{unknown', ''])
    }
  })

  test('values in a path lead nowhere else', async t => {
    const { path, dir } = await script(t, 'printf "%s\\n" "$@" > DIR/got')
    const argv = [path, '/srv/{tag}/in', '{tag}']
    const detail = { account: 'aalice', place: 'here', tag: '../../etc' }
    await deliver({ pipe: argv }, aJob([{ detail }]))
    assert.deepEqual((await readFile(join(dir, 'got'), 'utf8')).split('\n'), ['/srv/_._.._etc/in', '../../etc', ''])
  })

  test('one that has read enough, or nothing, is judged by its exit code alone', async t => {
    const text = `Subject: large\r\n\r\n${'x'.repeat(998)}\r\n`.repeat(2000)
    assert.equal(short((await run(t, 'exit 0', {}, { text, piece: 65_536 })).outcomes), 'delivered')
    assert.equal(short((await run(t, 'head -c 10 >/dev/null', {}, { text, piece: 65_536 })).outcomes), 'delivered')
    assert.equal(short((await run(t, 'exit 67', {}, { text, piece: 65_536 })).outcomes), 'failed 5.1.1')
  })
})

describe('what its end means', () => {
  for (const [end, wish] of [
    ['exit 0', 'delivered'],
    ['exit 1', 'deferred 4.3.0'],
    ['exit 64', 'deferred 4.3.0'],
    ['exit 65', 'failed 5.6.0'],
    ['exit 67', 'failed 5.1.1'],
    ['exit 69', 'failed 5.3.0'],
    ['exit 75', 'deferred 4.3.0'],
    ['exit 77', 'failed 5.7.0'],
    ['exit 78', 'deferred 4.3.5'],
    ['exit 100', 'failed 5.3.0'],
    ['exit 111', 'deferred 4.3.0'],
    ['kill -9 $$', 'deferred 4.3.0'],
    ['exec /nowhere/program', 'deferred 4.3.5'],
  ] as const) {
    test(`${end}: ${wish}`, async t => {
      assert.equal(short((await run(t, end)).outcomes), wish)
    })
  }

  test('what it has said stands in the outcome and in the log, on one line and cut', async t => {
    // What comes by two ways at a time may be heard in any order: each way is tried by itself.
    const { outcomes, log } = await run(t, 'cat >/dev/null; printf "one\\033[31m\\n"; yes | head -c 100000')
    const [outcome] = outcomes
    assert.ok(outcome?.kind === 'delivered')
    assert.match(outcome.reply, /^one\?\[31m y y/)
    assert.ok(outcome.reply.length <= 200)
    const [other] = (await run(t, 'cat >/dev/null; echo two >&2')).outcomes
    assert.ok(other?.kind === 'delivered' && other.reply === 'two')
    assert.equal(log.lines.find(({ sentence }) => sentence === 'program has said')?.facts.place, 'here')
  })
})

describe('what is refused for now', () => {
  test('a program that is missing, or is none', async t => {
    const dir = await folder(t)
    await writeFile(join(dir, 'text'), 'no program')
    for (const name of ['missing', 'text'])
      assert.equal(short((await deliver({ pipe: [join(dir, name)] }, aJob([{}]))).outcomes), 'deferred 4.3.5')
  })

  test('one that takes too long is ended, with all that it has started', async t => {
    const { path, dir } = await script(t, 'sleep 1000 & echo $! > DIR/child; echo $$ > DIR/own; wait')
    const { outcomes, log } = await deliver({ pipe: [path], timeout: '10s' }, aJob([{}]))
    assert.equal(short(outcomes), 'deferred 4.3.0')
    assert.match(JSON.stringify(log.lines), /ended after 10000 ms/)
    for (const name of ['own', 'child']) {
      const pid = Number(await readFile(join(dir, name), 'utf8'))
      await eventually(async () => ((await isRunning(pid)) ? undefined : true))
    }
  })

  test('one that needs more memory than it may have', async t => {
    const { outcomes } = await run(t, 'exec /usr/bin/perl -e \'my $x = "x" x 300_000_000; exit 0\'', {
      memory: '100MB',
    })
    assert.match(short(outcomes), /^deferred/)
  })

  test('one that writes a larger file than it may', async t => {
    const { outcomes } = await run(t, 'exec head -c 5000000 /dev/zero > DIR/big', { file_size: '1MB' })
    assert.match(short(outcomes), /^deferred/)
  })

  test('a child that lives on and holds its output keeps nobody waiting', async t => {
    assert.equal(short((await run(t, '(sleep 1000 &) ; exit 0')).outcomes), 'delivered')
  })

  test('a child that has left its group and reads no more keeps nobody waiting', async t => {
    const text = `Subject: large\r\n\r\n${'x'.repeat(998)}\r\n`.repeat(2000)
    const { path, dir } = await script(t, 'setsid sleep 60 <&0 & echo $! > DIR/child; exit 0')
    const { outcomes } = await deliver({ pipe: [path] }, aJob([{}], { text, piece: 65_536 }))
    assert.equal(short(outcomes), 'delivered')
    const child = Number(await readFile(join(dir, 'child'), 'utf8'))
    if (await isRunning(child)) process.kill(child)
  })

  test('when the server stops, the program ends and the recipient has no outcome', async t => {
    const { path } = await script(t, 'sleep 1000')
    const stop = new AbortController()
    const ended = deliver({ pipe: [path] }, aJob([{}]), { signal: stop.signal })
    stop.abort(new Error('stopping'))
    assert.deepEqual((await ended).outcomes, [])
  })

  test('mail that cannot be read to its end is not taken for delivered', async t => {
    const job = aJob([{}], {
      chunks: async function* () {
        yield Buffer.alloc(100_000, 'x\r\n')
        throw new Error('the store has gone')
      },
    })
    const { path } = await script(t, 'cat >/dev/null; exit 0')
    assert.match(short((await deliver({ pipe: [path] }, job)).outcomes), /^deferred/)
  })
})

/** Not as a zombie that nobody has asked after. */
async function isRunning(pid: number): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return state !== undefined && !/\) [ZX] /.test(state)
}
