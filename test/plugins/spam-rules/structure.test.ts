/** Mail as well-known programs shape it: no rule on structure, files or letters has anything to say of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filesIn } from '../../../core/config/files.js'
import { messageOf } from '../../../core/storage/message.js'
import { loadRules, shippedRules } from '../../../plugins/spam-rules/index.js'
import { findingsIn } from '../../../plugins/spam-rules/try.js'

const set = await loadRules(filesIn('/nowhere'), shippedRules(), 'local.yaml')
const ours = new Set(
  set.rules.filter(({ place }) => /(?:structure|files|letters)\.yaml$/.test(place.file)).map(({ name }) => name),
)

const TOP = `Received: from mx.sender.example by mx.example.org; Mon, 1 Jan 2024 12:00:09 +0000
From: "Jürgen Müller" <j.mueller@sender.example>
To: alex@example.org
Date: Mon, 1 Jan 2024 12:00:00 +0100`.replace('"Jürgen Müller"', '=?UTF-8?Q?J=C3=BCrgen_M=C3=BCller?=')

const BOTH = (boundary: string) => `--${boundary}
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

Hello Alex, here are the minutes of our meeting. See you on Thursday!
--${boundary}
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

<html><body><p>Hello Alex, here are the minutes of our meeting. See you on Thursday!</p></body></html>
--${boundary}--`

const MAILS = {
  'a mail of mutt': `${TOP}
Subject: Re: Minutes
Message-ID: <20240101110000.GA4711@sender.example>
References: <1@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii
Content-Disposition: inline
User-Agent: Mutt/1.10.1 (2018-07-13)

Hello Alex, here are the minutes.`,
  'a mail of Apple Mail': `${TOP}
Subject: Minutes
Message-Id: <0A1B2C3D-1111-2222-3333-444455556666@sender.example>
Mime-Version: 1.0 (Mac OS X Mail 16.0 \\(3774.300.61.1.2\\))
X-Mailer: Apple Mail (2.3774.300.61.1.2)
Content-Type: multipart/alternative; boundary="Apple-Mail=_0A1B2C3D-1111-2222-3333-444455556666"

${BOTH('Apple-Mail=_0A1B2C3D-1111-2222-3333-444455556666')}`,
  'a mail of Outlook': `${TOP}
Subject: Minutes
Message-ID: <000001da3c9a$2b6e5c60$824b1520$@sender.example>
MIME-Version: 1.0
X-Mailer: Microsoft Outlook 16.0
Thread-Index: Ado8mhEAAAAAAAAAAAAAAAAAAAAAAA==
Content-Type: multipart/alternative; boundary="----=_NextPart_000_0001_01DA3CA2.8D42CC60"

${BOTH('----=_NextPart_000_0001_01DA3CA2.8D42CC60')}`,
  'a mail of Gmail': `${TOP}
Subject: =?UTF-8?Q?Protokoll_f=C3=BCr_Donnerstag?=
Message-ID: <CAJ7xkQzV8bTnR+abc_DEF=ghiJKLmno@mail.gmail.com>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="0000000000001d1b1f060de1a2b3"

${BOTH('0000000000001d1b1f060de1a2b3')}`,
  'a list’s copy of a mail of Outlook': `${TOP}
Subject: [talk] Minutes
Message-ID: <000001da3c9a$2b6e5c60$824b1520$@sender.example>
MIME-Version: 1.0
X-Mailer: Microsoft Outlook 16.0
List-Id: Talk <talk.lists.example.org>
Precedence: list
Content-Type: multipart/mixed; boundary="===============0123456789012345678=="

--===============0123456789012345678==
Content-Type: text/plain; charset="us-ascii"

Hello all, here are the minutes.
--===============0123456789012345678==
Content-Type: text/plain; charset="us-ascii"
MIME-Version: 1.0
Content-Transfer-Encoding: 7bit
Content-Disposition: inline

_______________________________________________
Talk mailing list
--===============0123456789012345678==--`,
  'a note of cron': `Received: from host.example.org by mx.example.org; Mon, 1 Jan 2024 12:00:09 +0000
From: root@host.example.org (Cron Daemon)
To: alex@example.org
Subject: Cron <root@host> test -x /usr/sbin/anacron || run-parts /etc/cron.daily
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit
X-Cron-Env: <SHELL=/bin/sh>
Message-Id: <20240101120000.4711ABCD12@host.example.org>
Date: Mon,  1 Jan 2024 12:00:00 +0000 (UTC)

/etc/cron.daily/logrotate:
error: skipping "/var/log/x.log" because parent directory has insecure permissions`,
  'a receipt of a shop': `${TOP}
Subject: =?utf-8?B?SWhyZSBCZXN0ZWxsdW5nIDMwMi0xMjM0NTY3IOKAkyBCZXN0w6R0aWd1bmc=?=
Message-ID: <1718923456.42.1704106800@shop.example>
MIME-Version: 1.0
X-Mailer: PHPMailer 6.8.0 (https://github.com/PHPMailer/PHPMailer)
Content-Type: multipart/alternative; boundary="b1_KqZj7vXt0aBcDeFgHiJkLmNoPqRsTuVwXyZ"

--b1_KqZj7vXt0aBcDeFgHiJkLmNoPqRsTuVwXyZ
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Vielen Dank für Ihre Bestellung 302-1234567. Sendung 1Z999AA10123456784 kommt am Donnerstag. Summe 24,90 €.
--b1_KqZj7vXt0aBcDeFgHiJkLmNoPqRsTuVwXyZ
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<html><body><img src="https://shop.example/logo.png" width="200" height="60"><p>Vielen Dank für Ihre Bestellung 302-1234567. Sendung
1Z999AA10123456784 kommt am Donnerstag. Summe 24,90 €.</p></body></html>
--b1_KqZj7vXt0aBcDeFgHiJkLmNoPqRsTuVwXyZ--`,
  'a mail from Japan': `${TOP}
Subject: =?UTF-8?B?${Buffer.from('【ＮＨＫ】新商品のご案内！Tシャツ').toString('base64')}?=
Message-ID: <20240101120000.12345@news.example.jp>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

いつもお世話になっております。新しい製品のお知らせです。詳しくは https://news.example.jp/a をご覧ください。`,
} as const

for (const [name, mail] of Object.entries(MAILS)) {
  test(`${name} is made as it should be`, async () => {
    const findings = await findingsIn(set, messageOf, Buffer.from(mail.replaceAll('\n', '\r\n')))
    assert.deepEqual(
      findings.filter(({ name: rule }) => ours.has(rule)).map(({ name: rule, says }) => `${rule}: ${says}`),
      [],
    )
  })
}

const FILL = '&#847;&zwnj;&nbsp;'.repeat(150)

/** Honest mail of programs that know less of MIME: a little may be said of it, not much. */
const CLUMSY = {
  'a newsletter with a hidden preview': `${TOP}
Subject: =?UTF-8?Q?=E2=9C=A8_Neu_im_Herbst?=
Message-ID: <20240101120000.1.ABCDEF0123456789@mail.shop.example>
List-Unsubscribe: <https://shop.example/u/1>
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<html><head><style>p { color: #222 }</style></head><body bgcolor="#ffffff"><div style="display:none;font-size:1px;color:#ffffff;max-height:0">Warme Jacken
und Stiefel, ab heute.${FILL}</div><table><tr><td bgcolor="#003366"><font color="#ffffff">Der Herbst ist da</font></td></tr></table><p>Warme Jacken,
Stiefel und Donau&shy;dampf&shy;schiffe sind da. <a href="https://click.shop.example/x"><img src="https://shop.example/a.jpg" width="600"></a></p>
<img src="https://shop.example/o.gif" width="1" height="1"></body></html>`,
  'a password reset of a web framework': `From: noreply@site.example
To: alex@example.org
Date: Mon, 1 Jan 2024 12:00:00 -0000
Subject: Password reset for alex@example.org
Message-ID: <170410680012.42.1234567890123456789@web1.site.example>
MIME-Version: 1.0
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: base64

${Buffer.from('You asked for a new password. Go to https://site.example/reset/MQ/c1a2b3-0123456789abcdef and choose one.\n').toString('base64')}`,
  'an invitation to a meeting': `${TOP}
Subject: Invitation: Planning
Message-ID: <calendar-0a1b2c3d-4e5f@google.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="000000000000abcdef060de1a2b3"

--000000000000abcdef060de1a2b3
Content-Type: multipart/alternative; boundary="000000000000abcdee060de1a2b1"

${BOTH('000000000000abcdee060de1a2b1')}
--000000000000abcdef060de1a2b3
Content-Type: application/ics; name="invite.ics"
Content-Disposition: attachment; filename="invite.ics"
Content-Transfer-Encoding: base64

QkVHSU46VkNBTEVOREFSDQpFTkQ6VkNBTEVOREFSDQo=
--000000000000abcdef060de1a2b3--`,
  'photos from a telephone': `${TOP}
Message-Id: <0A1B2C3D-1111-2222-3333-444455556666@sender.example>
Mime-Version: 1.0 (1.0)
X-Mailer: iPhone Mail (21C62)
Content-Type: multipart/mixed; boundary=Apple-Mail-0A1B2C3D-1111-2222-3333-444455556666

--Apple-Mail-0A1B2C3D-1111-2222-3333-444455556666
Content-Type: image/jpeg; name="IMG_0001.jpeg"
Content-Disposition: inline; filename="IMG_0001.jpeg"
Content-Transfer-Encoding: base64

/9j/4AAQSkZJRgABAQAAAQABAAD/
--Apple-Mail-0A1B2C3D-1111-2222-3333-444455556666
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit


Sent from my iPhone
--Apple-Mail-0A1B2C3D-1111-2222-3333-444455556666--`,
  'a mail of Outlook that Exchange passed on': `${TOP}
Subject: Minutes
Message-ID: <000001da3c9a$2b6e5c60$824b1520$@sender.example>
X-Mailer: Microsoft Outlook 16.0
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="_000_DB7PR01MB1234ABCDEF0123456789_"

${BOTH('_000_DB7PR01MB1234ABCDEF0123456789_')}`,
  'a script that knows no MIME': `From: www-data@shop.example
To: alex@example.org
Subject: Order 302-1234567
Message-Id: <20240101120000.4711ABCD12@shop.example>
Date: Mon,  1 Jan 2024 12:00:00 +0000 (UTC)
Content-Type: text/html; charset=iso-8859-1

<html><body><p>Thank you for your order 302-1234567. It will be with you on Thursday.</p></body></html>`,
} as const

for (const [name, mail] of Object.entries(CLUMSY)) {
  test(`${name} comes to little`, async () => {
    const findings = await findingsIn(set, messageOf, Buffer.from(mail.replaceAll('\n', '\r\n')))
    const here = findings.filter(({ name: rule }) => ours.has(rule))
    const sum = here.reduce((total, { points }) => total + points, 0)
    assert.ok(sum <= 1.2, here.map(({ name: rule, says }) => `${rule}: ${says}`).join('; '))
  })
}

test('each structure test is used by a shipped rule or left to the admin knowingly', async () => {
  const { STRUCTURE_TESTS } = await import('../../../plugins/spam-rules/structure/tests.js')
  const { readdirSync, readFileSync } = await import('node:fs')
  const { join } = await import('node:path')
  const files = readdirSync(shippedRules(), { recursive: true, encoding: 'utf8' }).filter(file =>
    file.endsWith('.yaml'),
  )
  const shipped = files.map(file => readFileSync(join(shippedRules(), file), 'utf8')).join('\n')
  const unused = STRUCTURE_TESTS.filter(name => !shipped.includes(`structure: ${name}`))
  // Honest mail has them too often for points of their own.
  assert.deepEqual(unused, ['subject-control', 'header-raw-octets', 'page-runs-scripts'])
})
