/**
 * Records that published messages want: what Rspamd's tests serve (keys, policies; Apache-2.0), the key that Gmail sealed with until 2024, and policies of
 * the names in SpamAssassin's messages, as their file names tell them. Public keys and policies are facts of the name service.
 */
import type { ZoneEntry } from '../../harness/dns-server.js'

export const PUBLISHED: Readonly<Record<string, ZoneEntry>> = {
  'dkim._domainkey.cacophony.za.org': {
    txt: [
      'v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDXtxBE5IiNRMcq2/lc2zErfdCvDFyQNBnMjbOjBQrPST2k4fdGbtpe5Iu5uS01Met+dAEf94XL8I0hwmYw+n70PP834zfJGi2egwGqrakpaWsCDPvIJZLkxJCJKQRA/zrQ622uEXdvYixVbsEGVw7U4wAGSmT5rU2eU1y63AlOlQIDAQAB',
    ],
  },
  'dkim._domainkey.rspamd.com': {
    txt: [
      'v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCd/XhZBEGGAss48lEuMmwZv9lOFf6FTllBiQ3sPhdTpDdIPaW9TInW7iYnYD/bXHeVxYAyD/sKhYk6+qGBRu10rEi+iyPvLCIED+Boq0tEQosuKuV6Fjoomb+QhZY9KdjyZTjsrFPZ+wCkUY/30uTmpX2SwSqyxxlK0pUIsRgMAQIDAQAB',
    ],
  },
  'dkim._domainkey.highsecure.ru': {
    txt: [
      'p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDK4ZQYky30GH0Ak9OQ1fv3IdFNbpOtpa4S/PR20ZLgPXfd/FCA//ztUmu7kHlELI+/+4f8W+xX0oZlOc/cFxhopRjXZMlSsQqmWOZ40/GxWFBtcqafKu78FCqO7URqZUmMCM5Jlp4zt/yzH3dbYNG3i5PVlB5QtQnZvY+dvBL3dwIDAQAB',
    ],
  },
  '_dmarc.cacophony.za.org': {
    txt: ['v=DMARC1; p=none; sp=reject'],
  },
  '_dmarc.my.mom.za.org': {
    txt: ['v=DMARC1; p=reject'],
  },
  'example.net': {
    txt: ['v=spf1 -all'],
  },
  '_dmarc.reject.cacophony.za.org': {
    txt: ['v=DMARC1; p=reject; rua=mailto:dmarc-reports@rspamd.com'],
  },
  'spf.cacophony.za.org': {
    txt: ['v=spf1 ip4:8.8.4.4 -all'],
  },
  '_dmarc.quarantine.cacophony.za.org': {
    txt: ['v=DMARC1; p=quarantine'],
  },
  '_dmarc.yo.mom.za.org': {
    txt: ['v=DMARC1; p=reject; aspf=s; adkim=s;'],
  },
  'yo.mom.za.org': {
    txt: ['v=spf1 ip4:37.48.67.26 -all'],
  },
  'testdkim._domainkey.mom.za.org': {
    txt: [
      'v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC3v4VPE1QMHUzsMRbC8VzXNq82mDjiv9Gi1NB/YYC+vIYZT+sE/Uxnr0Clk8C2jgzEr3jcxgQEWZfMtEEg/EfEJvh4SrXWv9c0gw1EEfxKxX9i+r8yBQtc/EWospWVDkhF2lAvQAK1lV1ZiU7psJ6fh1CI39uZyWdAktZzWLf0zQIDAQAB',
    ],
  },
  '_dmarc.rspamd.tk': {
    txt: ['bio=a263adeab8acdcdb8b89e127b67d696061fdfbee'],
  },
  '18457.62be233b.k2206._domainkey.taugh.com': {
    txt: [
      'v=DKIM1; h=sha256; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvLwxxLlZJ+uU3SctsQ2pjq6K0xyjhmvlIfWWGxRLxVpwyLPaNCUJNDnP0d0Fk+HQXub1T6R22T79L9yGQEZuHrD8MxchBKO++ywk7HOd1LvhweeKPUiXD03Dda54svQ2hnT7MQBFU92CWXoD0BRs9QPMyCC2QiZk0IwB1rK9sClOCjOdOH1mT1Oz8XObUqT3Nd6Oi7LSppyoMzYg4TEkmyiz0c34uiXOkqZwonf2V6+s/v/1/fz4dH6hgnn2cHLnjGmzmiKQgs8lJNMjhfI4sIzg26xNb4wCTVlggP6zDr7lxe9DZuTRcP5/tSI6ihDO/zc+7HmG83EIkqgqllI6IQIDAQAB ; n=Signing=20key=20at=20https://www.iecc.com/dkimkeys/k2206 ;',
    ],
  },
  'mom.za.org': {
    txt: ['v=spf1 ip4:37.48.67.26 -all'],
  },
  'testdkim._domainkey.asdf.rspamd.tk': {
    txt: ['bio=a263adeab8acdcdb8b89e127b67d696061fdfbee'],
  },
  'testdkim._domainkey.rspamd.tk': {
    txt: ['bio=a263adeab8acdcdb8b89e127b67d696061fdfbee'],
  },
  '_dmarc.yoni.za.org': {
    txt: ['v=DMARC1; p=reject; sp=none;'],
  },
  'testdkim1._domainkey.yoni.za.org': {
    txt: ['v=DKIM1; k=rsa; p=BARF'],
  },
  '_dmarc.yoni.za.net': {
    txt: ['v=DMARC1; p=none; sp=quarantine'],
  },
  '_dmarc.dnssec-failed.org': {
    fails: 'drop',
  },
  '_dmarc.zero_pct.com': {
    txt: ['v=DMARC1; p=reject; sp=quarantine; pct=0'],
  },
  'testdkim1._domainkey.dnssec-failed.org': {
    fails: 'drop',
  },
  'arc-20160816._domainkey.google.com': {
    txt: [
      'k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1Lztpxs7yUxQEsbDFhjMc9kZVZu5P/COYEUIX4B39IL4SXAbv4viIlT9E6F6iZmTh1go7+9WQLywwgwjXMJx/Dz0RgMoPeyp5NRy4l320DPYibNqVMWa5iQ2WiImQC0en1O9uhLLvzaSZJ03fvGmCo9jMo0GwKzLNe14xMgn/px2L5N/3IKlKX4bqUAJTUt8L993ZlWzvgMnSFSt8B+euSKSrtAiopdy4r1yO4eN5goBASrGW0eLQc1lYouNvCrcTQpos4/GEAqiGzpqueJLmBfOO4clNvVvpPkvQs2BHw9I9LmIjaMxTNGxkGBRaP3utDiKXXqu1K+LRzl0HCNSdQIDAQAB',
    ],
  },
  '_dmarc.dmarc1.spamassassin.org': {
    txt: ['v=DMARC1; p=none'],
  },
  'dmarc1.spamassassin.org': {
    txt: ['v=spf1 ip4:64.142.3.173 -all'],
  },
  '_dmarc.dmarc2.spamassassin.org': {
    txt: ['v=DMARC1; p=quarantine'],
  },
  'dmarc2.spamassassin.org': {
    txt: ['v=spf1 ip4:64.142.3.173 -all'],
  },
  '_dmarc.dmarc3.spamassassin.org': {
    txt: ['v=DMARC1; p=reject'],
  },
  'dmarc3.spamassassin.org': {
    txt: ['v=spf1 ip4:64.142.3.173 -all'],
  },
  '_dmarc.dmarc4.spamassassin.org': {
    txt: ['v=DMARC1; p=reject; adkim=s; aspf=s'],
  },
  'dmarc4.spamassassin.org': {
    txt: ['v=spf1 ip4:64.142.3.173 -all'],
  },
}
