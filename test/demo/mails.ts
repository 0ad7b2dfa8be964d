/** The mails of the demo, one for each way a mail can go. */
export const PASSWORD = 'demo only, on loopback'

export interface DemoMail {
  readonly title: string
  readonly about: string
  readonly login: boolean
  readonly sender: string
  readonly recipient: string
  readonly text: string
  /** The log sentence that ends its story. */
  readonly until: RegExp
}

export const MAILS: readonly DemoMail[] = [
  {
    title: 'Ham',
    about: 'An ordinary mail from outside to alice: filed into her INBOX.',
    login: false,
    sender: 'carol@friends.test',
    recipient: 'alice@example.test',
    text: `From: Carol <carol@friends.test>
To: alice@example.test
Subject: Lunch on Friday
Date: Fri, 20 Nov 2026 10:00:00 +0000
Message-ID: <lunch@friends.test>

Shall we meet at noon at the usual place? I can bring the drawings along.

Carol
`,
    until: /^filed$/,
  },
  {
    title: 'Spam',
    about: 'A mail that says what spam says: filed into Junk, with the reasons in its header.',
    login: false,
    sender: 'winner@promo.test',
    recipient: 'alice@example.test',
    text: `From: "Dr. James Williams" <winner@promo.test>
Reply-To: claims.dept@freemail.test
To: alice@example.test
Subject: You have won a prize
Date: Fri, 20 Nov 2026 10:00:00 +0000
Message-ID: <won@promo.test>

Dear customer,

Your address was drawn in our yearly lottery. To claim your prize, send us your full name and your telephone number.
This offer ends today. Act now!
`,
    until: /^filed$/,
  },
  {
    title: 'A relay attempt',
    about: 'A stranger wants us to carry his mail to a third place: nobody may, not from loopback either.',
    login: false,
    sender: 'spammer@promo.test',
    recipient: 'victim@world.test',
    text: '',
    until: /session (ended|over|closed)/,
  },
  {
    title: 'An unknown recipient',
    about: 'A domain of ours, but nobody of that name.',
    login: false,
    sender: 'carol@friends.test',
    recipient: 'nobody@example.test',
    text: '',
    until: /session (ended|over|closed)/,
  },
  {
    title: 'Outbound',
    about: 'Alice has logged in and writes to the world: queued on disk, delivered by MX, with TLS where offered.',
    login: true,
    sender: 'alice@example.test',
    recipient: 'dave@world.test',
    text: `From: Alice <alice@example.test>
To: dave@world.test
Subject: The drawings
Date: Fri, 20 Nov 2026 10:05:00 +0000
Message-ID: <drawings@example.test>

They are on their way.
`,
    until: /^delivered$/,
  },
]
