/**
 * Honest mail that comes closest to spam: what a false positive would look like on the day it happens. All of it is made up.
 * It must stay below the Junk line by the rules and by what look-alikes adds to them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Finding } from '../../../core/api/index.js'
import { filesIn } from '../../../core/config/files.js'
import { messageOf } from '../../../core/storage/message.js'
import { anEnvelope, aSession, setUp } from '../../../core/testing/index.js'
import lookAlikes from '../../../plugins/look-alikes/index.js'
import { mailOf } from '../../../plugins/spam-rules/example.js'
import { loadRules, shippedRules } from '../../../plugins/spam-rules/index.js'
import { findingsIn, sumOf } from '../../../plugins/spam-rules/try.js'

const { hooks, call } = await setUp(lookAlikes)
const set = await loadRules(filesIn('/nowhere'), shippedRules(), 'local.yaml')

const MAILS = {
  'an alert of a real payment service': `From: "PayPal" <service@paypal.com>
Subject: Unusual activity: please confirm your identity

Dear customer, we noticed unusual activity and your account has been limited. To restore access log in to your account at
<a href="https://www.paypal.com/signin">paypal.com</a> and confirm your identity within 48 hours. For security reasons some payments are on hold.`,

  'a new device at a real provider': `From: "Microsoft account team" <account-security-noreply@accountprotection.microsoft.com>
Subject: Microsoft account unusual sign-in activity

We detected something unusual about a recent sign-in to the Microsoft account. Please review your recent activity and verify your account.
<a href="https://account.live.com/activity">Review recent activity</a>`,

  'a shop newsletter': `From: "Garden Shop" <news@news.gardenshop.example>
Subject: Save 20% – last chance! Free shipping on everything!
List-Unsubscribe: <https://news.gardenshop.example/u/1>

<html><div style="display:none;font-size:1px">Only today</div><p>Hurry, offer expires today. Order now while supplies last, satisfaction
guaranteed. Limited time only: save up to 50%.</p><p>You are receiving this email because you are a customer. If you no longer wish to receive
these emails, click here to unsubscribe.</p><a href="https://click.mailer.example/x">Shop now</a></html>`,

  'a shop newsletter in German': `From: "Buchladen" <newsletter@buchladen.example>
Subject: Nur heute: 10 % Rabatt-Gutschein für Sie!

Lieber Kunde, nur für kurze Zeit: Ihr Gutschein im Wert von 10 Euro. Jetzt zugreifen! Wenn Sie den Newsletter abbestellen wollen, klicken Sie hier.`,

  'a parcel note': `From: "DHL Paket" <noreply@dhl.de>
Subject: Ihr Paket kommt heute

Ihre Sendung wird heute zugestellt. Die Zustellung erfolgt zwischen 12 und 14 Uhr. Tracking number 0034 0434. Ihr Paket liegt sonst in der Filiale.`,

  'a parcel that missed its receiver': `From: "USPS" <auto-reply@usps.com>
Subject: Missed delivery of your package

We could not deliver your package. Please schedule your delivery with your tracking number at <a href="https://tools.usps.com/redelivery">usps.com</a>.`,

  'an invoice from a small company': `From: "Joinery Miller" <office@miller.example>
Subject: Invoice 2024-117

Dear Sir or Madam, please find attached our invoice for the order of May. Payment within 14 days by wire transfer. Kindly confirm. The amount
is past due on June 1st.`,

  'a password about to expire, from one’s own help desk': `From: "IT help desk" <helpdesk@company.example>
Subject: Your password will expire in 5 days

Your password will expire in 5 days. Log in to the portal at https://portal.company.example/ to change it. IT support`,

  'a mortgage broker the reader asked': `From: "Anna Broker" <anna@broker.example>
Subject: Re: Your mortgage request
In-Reply-To: <1@example.org>

Hello Alex, the interest rate for your home loan would be 3.4 percent, monthly payments of 900 EUR. Lenders want the documents by May. Shall I apply?`,

  'an investor’s newsletter': `From: "Weekly Markets" <letter@markets.example>
Subject: Markets this week: rates, bitcoin and gold

Interest rates stay. Analysts call the share undervalued, with a price target of 40. Bitcoin rose, ETH fell. To unsubscribe click here.`,

  'a friend who writes from a free mailbox about money': `From: "Tom" <tom.example@gmail.com>
Subject: About the car

Hi! The bank transfer of $12,500 is done, my account was blocked for a day, please confirm when the money is there. Here are the pictures:
https://bit.ly/3abcd`,

  'a charity': `From: "Doctors at Sea" <donate@charity.example>
Subject: Your donation helps

Dear friend, thanks to your donation we could help 2 million people in Nigeria. Please consider a donation of 50 EUR today. To unsubscribe click here.`,

  'a list that talks about spam': `From: Tom <tom@company.example>
Subject: [filters] spam getting through
List-Id: <filters.lists.example>

The rule for "Viagra" and "Cialis" misses this one: "you have won the lottery, claim your prize, act now, no prescription needed".
Header says 198.51.100.7, see http://198.51.100.7/log`,

  'a dating service the reader belongs to': `From: "Meet" <hello@meet.example>
Subject: Anna sent you a message

Anna, 34, wants to know you better. See her photo and reply. Looking for a serious relationship? Update your profile.`,

  'a confirmation of registration': `From: "Forum" <noreply@forum.example>
Subject: Confirm your email address

Thanks for registering. Click the link below to verify your email address: https://forum.example/confirm?x=1. If you did not register, ignore this mail.`,

  'a hotel booking': `From: "Hotel Alpina" <booking@alpina.example>
Subject: Your reservation is confirmed!

Dear guest, free cancellation until June 1st. Your credit card will be charged on arrival. Full name: Alex Example. Phone number: 123.`,

  'a customer who shouts': `From: "Bob" <bob@customer.example>
Subject: PLEASE CALL ME BACK TODAY!!

PLEASE CALL ME BACK ABOUT THE ORDER, IT IS URGENT. I HAVE BEEN WAITING FOR A WEEK NOW.`,

  'loyalty points of a real airline': `From: "Airline Miles" <miles@airline.example>
Subject: Your points will expire in June

Dear Alex, 1,200 reward points will expire on June 30th. Redeem your points for a flight. Unsubscribe here.`,
} as const

for (const [what, mail] of Object.entries(MAILS)) {
  test(`${what} stays out of Junk`, async () => {
    const message = messageOf(mailOf(mail))
    const names = await hooks.score!({ session: aSession(), envelope: anEnvelope({ sender: null }), message }, call)
    const findings = [...(await findingsIn(set, messageOf, mailOf(mail))), ...(names as Finding[])]
    const told = findings.map(({ name, points }) => `${name} ${points}`).join(', ')
    assert.ok(sumOf(findings) < 5, `${sumOf(findings)}: ${told}`)
  })
}
