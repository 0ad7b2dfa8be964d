/** The programs of the bench refuse what cannot be with a sentence and 2, before they start anything. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../harness/shared.js'

interface Said {
  readonly code: number
  readonly text: string
}

function said(line: string): Promise<Said> {
  const [file, ...args] = line.split(' ')
  return new Promise(done => {
    execFile(process.execPath, [join(ROOT, 'dist/bench', file!), ...args], { timeout: 60_000 }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code), text: out + err }),
    )
  })
}

for (const [line, why] of [
  ['main.js relay-out --variant sink,wrld', /--variant: there is no "wrld", did you mean world\?/],
  ['main.js smtp-in --folder /nowhere/at-all', /--folder: there is no folder \/nowhere\/at-all/],
  ['main.js smtp-in --json /nowhere/at-all.json', /--json: there is no folder \/nowhere/],
  ['compare.js --limt 2 a b', /'--limt', did you mean --limit\?/],
  ['ratios/main.js smpt-in', /found "smpt-in", did you mean smtp-in\?/],
  ['ratios/main.js --minutes soon', /--minutes: expected a number from 1 to 1000, found "soon"/],
  ['peers/main.js mailbx', /no peers "mailbx", did you mean mailbox\?/],
  ['peers/relay.js --sesions 3', /'--sesions', did you mean --sessions\?/],
  ['peers/relay.js --connections keept', /--connections: expected new or kept, found "keept", did you mean kept\?/],
  ['peers/mailbox.js --size 4XB', /--size: expected a size from 512 to 40MB, found "4XB"/],
  ['peers/imap.js --scenario apend', /--scenario: .*, found "apend", did you mean append\?/],
  ['peers/mailbox.js --filter --haraka fetch', /--haraka: Haraka takes no part with --filter/],
  ['queue-million.js 5000', /rows: expected 1000, 10000, 100000, 1000000, found "5000"/],
  ['queue-million.js --json /nowhere/at-all.json', /--json: there is no folder \/nowhere/],
  ['search.js many', /messages: expected a number from 1 to 1000000, found "many"/],
  ['recipients.js 10 100', /expected one word at most, found "10 100"/],
  ['idle-news.js --jsn', /'--jsn'/],
  ['text.js /nowhere/at-all', /there is no folder \/nowhere\/at-all/],
  ['filter/main.js --stag content', /'--stag', did you mean --stage\?/],
] as const) {
  test(`bench ${line}`, async () => {
    const { code, text } = await said(line)
    assert.match(text, why)
    assert.equal(code, 2)
  })
}

for (const file of [
  'peers/relay.js',
  'peers/mailbox.js',
  'peers/imap.js',
  'ratios/main.js',
  'queue-million.js',
  'text.js',
]) {
  test(`bench ${file} says what it takes`, async () => {
    const { code, text } = await said(`${file} --help`)
    assert.match(text, /^npm run bench/)
    assert.equal(code, 0)
  })
}
